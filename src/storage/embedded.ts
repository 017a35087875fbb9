import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { StorageError } from './errors.ts'

type FromWorker =
  | { kind: 'open' }
  | { kind: 'begun' }
  | { kind: 'closed' }
  | { kind: 'data'; data: Uint8Array }
  | { kind: 'failed'; message: string }

/** Embedded PostgreSQL in a worker thread, reached by PostgreSQL's own wire protocol. One session at a time. */
export interface EmbeddedEngine {
  /** A stream that the `pg` client takes in place of a socket. */
  connect(): Duplex
  close(): Promise<void>
}

/** Opens (or creates) the database in `dataDir`; in memory without one. Rejects with {@link StorageError}. */
export async function openEmbeddedEngine(dataDir: string | undefined): Promise<EmbeddedEngine> {
  if (dataDir !== undefined && !existsSync(join(dataDir, 'PG_VERSION'))) await create(dataDir)
  const worker = new Worker(new URL('./embedded-worker.ts', import.meta.url), { workerData: { dataDir } })
  let session: WorkerStream | undefined
  let unanswered = 0
  let beginning = 0
  let onClosed: (() => void) | undefined
  await new Promise<void>((resolve, reject) => {
    const onMessage = (message: FromWorker) => {
      if (message.kind === 'open') {
        worker.off('message', onMessage)
        resolve()
      } else if (message.kind === 'failed') {
        reject(new StorageError(`cannot open the embedded database: ${message.message}`))
        void worker.terminate()
      }
    }
    worker.on('message', onMessage)
    worker.once('error', (error) => reject(new StorageError('cannot start the embedded database', { cause: error })))
  })
  worker.on('message', (message: FromWorker) => {
    if (--unanswered === 0) worker.unref() // an idle database does not keep the process alive
    if (message.kind === 'begun') beginning--
    // Until its session has begun, what comes is the answer to one before.
    else if (message.kind === 'data' && beginning === 0) session?.deliver(message.data)
    else if (message.kind === 'failed') session?.destroy(new StorageError(`embedded database: ${message.message}`))
    else if (message.kind === 'closed') onClosed?.()
  })
  worker.on('error', (error) => session?.destroy(new StorageError('the embedded database stopped', { cause: error })))
  worker.unref()
  const post = (message: Uint8Array | 'session') => {
    if (unanswered++ === 0) worker.ref()
    worker.postMessage(message)
  }
  return {
    connect() {
      beginning++
      post('session')
      session = new WorkerStream(post)
      return session
    },
    async close() {
      worker.ref()
      await new Promise<void>((resolve) => {
        onClosed = resolve
        worker.once('exit', () => resolve())
        worker.postMessage('close')
      })
      await worker.terminate()
    },
  }
}

const CREATE_LIMIT_MS = 120_000

async function create(dataDir: string): Promise<void> {
  const script = fileURLToPath(new URL('./embedded-create.ts', import.meta.url))
  try {
    await promisify(execFile)(process.execPath, [script, dataDir], { timeout: CREATE_LIMIT_MS })
  } catch (error) {
    throw new StorageError(`cannot create the embedded database in ${dataDir}`, { cause: error })
  }
}

/** AuthenticationOk and ReadyForQuery: what a server says after the start-up message. */
const GREETING = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])
const TERMINATE = 0x58

/** Looks like a socket to `pg`, and carries the bytes to the worker. */
class WorkerStream extends Duplex {
  readonly #post: (bytes: Uint8Array) => void
  #started = false

  constructor(post: (bytes: Uint8Array) => void) {
    super()
    this.#post = post
  }

  connect(): this {
    queueMicrotask(() => this.emit('connect'))
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  deliver(bytes: Uint8Array): void {
    this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#send(chunk)
    done()
  }

  override _writev(chunks: Array<{ chunk: Buffer }>, done: () => void): void {
    this.#send(Buffer.concat(chunks.map((part) => part.chunk)))
    done()
  }

  override _final(done: () => void): void {
    this.push(null)
    done()
  }

  #send(bytes: Buffer): void {
    if (!this.#started) {
      // The start-up message has no type byte and asks for a session that the engine already has.
      this.#started = true
      this.push(GREETING)
      return
    }
    if (bytes[0] === TERMINATE) return
    this.#post(new Uint8Array(bytes))
  }
}
