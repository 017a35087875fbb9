// Runs the embedded PostgreSQL in a thread of its own, so that no statement blocks the event loop of the servers.
// Protocol: a Uint8Array of frontend messages in, a Uint8Array of backend messages out, in order; `session` begins anew,
// and is `broken` when it cannot: then no session ever will.
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'

const port = parentPort
if (!port) throw new Error('embedded-worker.ts is a worker thread')

const { dataDir } = workerData as { dataDir: string | undefined }
const open = PGlite.create(dataDir === undefined ? {} : { dataDir })
let last: Promise<unknown> = open.then(
  () => port.postMessage({ kind: 'open' }),
  (error: unknown) => port.postMessage({ kind: 'failed', message: String(error) }),
)

port.on('message', (message: Uint8Array | 'session' | 'close') => {
  last = last.then(async () => {
    const database = await open
    if (message === 'close') {
      await database.close()
      port.postMessage({ kind: 'closed' })
      port.close()
      return
    }
    try {
      if (message === 'session') {
        // The engine has one session for ever; a server would give a new one, without transaction or prepared statements.
        await database.exec('rollback; deallocate all')
        port.postMessage({ kind: 'begun' })
        return
      }
      port.postMessage({ kind: 'data', data: await database.execProtocolRaw(message) })
    } catch (error) {
      port.postMessage({ kind: message === 'session' ? 'broken' : 'failed', message: String(error) })
    }
  })
})
