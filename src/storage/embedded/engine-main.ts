// Runs the embedded PostgreSQL in a process of its own, for one server: no statement blocks the server's event loop, and
// a fault in V8 or PostgreSQL ends this process alone. Frames come and go on file descriptor 3 (see frames.ts).
// Usage: engine-main.ts [DIRECTORY]; in memory without one.
import { Socket } from 'node:net'
import { PGlite } from '@electric-sql/pglite'
import { belongToParent, lockEngineDirectory } from './child.ts'
import { FRAME, type Frame, FrameReader, writeFrame } from './frames.ts'

belongToParent()
process.title = 'handover: embedded database'
const dataDir = process.argv[2]
if (dataDir !== undefined) await lockEngineDirectory(dataDir)
const database = await PGlite.create(dataDir === undefined ? {} : { dataDir })
const server = new Socket({ fd: 3, readable: true, writable: true })

// What is thrown here is no SQL error, which is an answer, but a fault of the engine: the process ends with it.
async function answer({ kind, bytes }: Frame): Promise<void> {
  switch (kind) {
    case FRAME.session:
      // The engine has one session for ever; a server would give a new one.
      await database.exec('rollback; deallocate all')
      server.write(writeFrame(FRAME.session))
      return
    case FRAME.messages:
      server.write(writeFrame(FRAME.messages, await database.execProtocolRaw(bytes)))
      return
    case FRAME.close:
      await database.close()
      process.exit(0)
  }
}

const reader = new FrameReader()
let last = Promise.resolve()
server.on('data', (chunk: Buffer) => {
  for (const frame of reader.push(chunk)) last = last.then(() => answer(frame))
})
server.write(writeFrame(FRAME.open))
