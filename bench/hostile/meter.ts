// Loaded into every measured process: reports, on a socket named by the process's id, how much CPU time its main thread
// has used, in microseconds. The system updates that number when a thread waits, so the answer
// comes after a pause. Asked with `!`, the process first
// does a fixed piece of work: on a machine that is busy with other processes, the same work takes more CPU time.
import { createServer } from 'node:net'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

const WORK = JSON.stringify(Array.from({ length: 2_000 }, (_, at) => ({ [at]: 'x'.repeat(100) })))

const directory = process.env.METER_DIRECTORY
if (isMainThread && directory !== undefined) {
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .on('data', (question) => {
        if (question.toString() === '!') JSON.parse(WORK)
        setTimeout(() => {
          const { user, system } = process.threadCpuUsage()
          socket.write(`${user + system}\n`)
        }, 1)
      })
    socket.unref()
  })
  server.on('error', () => {}).listen(join(directory, `${process.pid}.sock`))
  server.unref()
}
