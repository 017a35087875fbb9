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
  | { kind: 'failed' | 'broken'; message: string }

/** Embedded PostgreSQL in a worker thread, reached by PostgreSQL's own wire protocol. One session at a time. */
export interface EmbeddedEngine {
  /** A stream that the `pg` client takes in place of a socket; one that fails at once when the engine is lost. */
  connect(): Duplex
  /** Resolves, with the reason, when the engine has died without being closed. It does not come back. */
  readonly lost: Promise<StorageError>
  /** Resolves when the engine has ended, after 10 s at the latest. */
  close(): Promise<void>
}

/** Opens (or creates) the database in `dataDir`; in memory without one. Rejects with {@link StorageError}. */
export async function openEmbeddedEngine(dataDir: string | undefined): Promise<EmbeddedEngine> {
  if (dataDir !== undefined && !existsSync(join(dataDir, 'PG_VERSION'))) await create(dataDir)
  const worker = new Worker(new URL('./embedded-worker.ts', import.meta.url), { workerData: { dataDir } })
  await opened(worker)
  return new WorkerEngine(worker)
}

const OPEN_LIMIT_MS = 120_000
const CLOSE_LIMIT_MS = 10_000

/** Waits until the worker has its database open; ends the worker when it has not. */
async function opened(worker: Worker): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new StorageError('the embedded database did not open in time')), OPEN_LIMIT_MS)
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'open') resolve()
        else if (message.kind === 'failed') {
          reject(new StorageError(`cannot open the embedded database: ${message.message}`))
        }
      })
      worker.on('error', (error) => reject(new StorageError('cannot start the embedded database', { cause: error })))
      worker.on('exit', (code) => reject(new StorageError(`the embedded database ended while it opened (${code})`)))
    })
  } catch (error) {
    await worker.terminate()
    throw error
  } finally {
    clearTimeout(timer)
    for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event)
  }
}

class WorkerEngine implements EmbeddedEngine {
  readonly lost: Promise<StorageError>
  readonly #worker: Worker
  #session: WorkerStream | undefined
  #unanswered = 0
  #beginning = 0
  #fault: StorageError | undefined
  #closing = false
  #tellLost: (fault: StorageError) => void = () => {}
  #tellClosed: () => void = () => {}

  constructor(worker: Worker) {
    this.#worker = worker
    this.lost = new Promise((resolve) => {
      this.#tellLost = resolve
    })
    worker.on('message', (message: FromWorker) => this.#hear(message))
    worker.on('error', (cause) => this.#die('a fault in its thread', cause))
    worker.on('exit', (code) => this.#die(`its thread ended with ${code}`))
    worker.unref()
  }

  connect(): Duplex {
    const session = new WorkerStream((message) => this.#post(message))
    if (this.#fault) {
      session.failAtOnce(this.#fault)
      return session
    }
    this.#beginning++
    this.#post('session')
    this.#session = session
    return session
  }

  async close(): Promise<void> {
    this.#closing = true
    if (this.#fault) return
    this.#worker.ref()
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, CLOSE_LIMIT_MS)
      this.#tellClosed = () => {
        clearTimeout(limit)
        resolve()
      }
      this.#worker.postMessage('close')
    })
    await this.#worker.terminate()
  }

  #post(message: Uint8Array | 'session'): void {
    if (this.#fault) return
    if (this.#unanswered++ === 0) this.#worker.ref()
    this.#worker.postMessage(message)
  }

  #hear(message: FromWorker): void {
    if (--this.#unanswered === 0) this.#worker.unref() // an idle database does not keep the process alive
    if (message.kind === 'begun') this.#beginning--
    // Until its session has begun, what comes is the answer to one before.
    else if (message.kind === 'data' && this.#beginning === 0) this.#session?.deliver(message.data)
    else if (message.kind === 'broken') this.#die(`no session begins: ${message.message}`)
    else if (message.kind === 'failed' && this.#beginning === 0) {
      this.#session?.destroy(new StorageError(`embedded database: ${message.message}`))
    } else if (message.kind === 'closed') this.#tellClosed()
  }

  #die(why: string, cause?: unknown): void {
    this.#tellClosed()
    if (this.#closing || this.#fault) return
    const fault = new StorageError(`the embedded database stopped (${why})`, { cause })
    this.#fault = fault
    this.#session?.destroy(fault)
    this.#tellLost(fault)
    void this.#worker.terminate()
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

  /** Makes it a stream whose other end is gone, which its user learns as from a socket. */
  failAtOnce(fault: StorageError): void {
    setImmediate(() => this.destroy(fault))
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
