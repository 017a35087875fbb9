// Loaded into every measured process: reports, on a socket named by the process's id, how much CPU time its main thread
// has used, in microseconds.
import { createServer } from 'node:net'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

const directory = process.env.METER_DIRECTORY
if (isMainThread && directory !== undefined) {
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .on('data', () => {
        const { user, system } = process.threadCpuUsage()
        socket.write(`${user + system}\n`)
      })
    socket.unref()
  })
  server.on('error', () => {}).listen(join(directory, `${process.pid}.sock`))
  server.unref()
}
