// Runs the embedded PostgreSQL in a separate process for one server: no statement blocks the server's event loop, and a
// fault in V8 or PostgreSQL ends only this process. Frames are exchanged on file descriptor 3 (see frames.ts). Usage:
// engine-main.ts [DIRECTORY]; in memory without one.
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

// An exception here is a fault of the engine, not an SQL error, which is an answer: it ends the process.
async function answer({ kind, bytes }: Frame): Promise<void> {
  switch (kind) {
    case FRAME.session:
      // The engine has a single session; a server would open a new one.
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
