import { type ChildProcess, type ExecFileException, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Log } from '../../observability/index.ts'
import { StorageError } from '../errors.ts'
import { FRAME, type FrameKind, FrameReader, writeFrame } from './frames.ts'

/** One run of the engine: a process with an open database. It ends with this process, in every case. */
export interface EngineProcess {
  readonly pid: number
  /** Sends a request; `hear` receives the bytes of its answer, unless the process ends first. */
  ask(kind: FrameKind, bytes: Buffer | undefined, hear: (bytes: Buffer) => void): void
  /** Resolves with the reason once the process has ended. */
  readonly ended: Promise<EngineEnd>
  /** Closes the database and resolves when the process has ended, after at most 10 s. */
  close(): Promise<void>
  kill(): void
}

export interface EngineEnd {
  /** "SIGTRAP", or "exit code 1" and the last line it wrote. */
  readonly why: string
  /** An unexpected signal, possibly a fault in V8. A retry may succeed. */
  readonly isCrash: boolean
}

/** Why an engine's process failed to start. */
export class EngineStartError extends StorageError {
  readonly isCrash: boolean
  constructor(message: string, { isCrash, cause }: { readonly isCrash: boolean; readonly cause?: unknown }) {
    super(message, { cause })
    this.isCrash = isCrash
  }
}

/** Creation takes 2 s, but 70 s where twelve processes compete for each CPU. */
const CREATE_LIMIT_MS = 600_000
const OPEN_LIMIT_MS = 120_000
const CLOSE_LIMIT_MS = 10_000
const KEPT_STDERR = 4_000

const ENGINE = fileURLToPath(new URL('./engine-main.ts', import.meta.url))
const CREATION = fileURLToPath(new URL('./create-main.ts', import.meta.url))

/**
 * Starts an engine on `dataDir`, which is created if needed; in memory without one. The process's standard error goes
 * to the log. Rejects with {@link EngineStartError}, and then leaves nothing running.
 *
 * @param createLimitMs how long creation may take
 */
export async function startEngineProcess(
  dataDir: string | undefined,
  log: Log,
  createLimitMs = CREATE_LIMIT_MS,
): Promise<EngineProcess> {
  const from = performance.now()
  if (dataDir !== undefined && !existsSync(join(dataDir, 'PG_VERSION'))) await create(dataDir, createLimitMs)
  const args = [ENGINE, ...(dataDir === undefined ? [] : [dataDir])]
  // Standard input is never written to: its end tells the engine that this process has ended.
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'pipe', 'pipe'] })
  const engine = new ChildEngine(child, log)
  let limit: NodeJS.Timeout | undefined
  try {
    await Promise.race([
      engine.open,
      engine.ended.then(({ why, isCrash }) => {
        throw new EngineStartError(`the embedded database ended while opening (${why})`, { isCrash })
      }),
      new Promise((_, reject) => {
        const late = new EngineStartError('the embedded database did not open in time', { isCrash: false })
        limit = setTimeout(() => reject(late), OPEN_LIMIT_MS)
      }),
    ])
    const duration_ms = Math.round(performance.now() - from)
    log.info({ engine_pid: engine.pid, duration_ms }, 'the embedded database is open')
    return engine
  } catch (error) {
    engine.kill()
    await engine.ended
    throw error
  } finally {
    clearTimeout(limit)
  }
}

async function create(dataDir: string, limitMs: number): Promise<void> {
  try {
    // The process ignores SIGTERM, which a service manager sends to every process of a group.
    const options = { timeout: limitMs, killSignal: 'SIGKILL' } as const
    await promisify(execFile)(process.execPath, [CREATION, dataDir], options)
  } catch (cause) {
    const { killed, signal, stderr, message } = cause as ExecFileException & { readonly stderr?: string }
    const why = killed ? `not within ${limitMs} ms` : (signal ?? faultIn(stderr ?? '') ?? message)
    const isCrash = !killed && typeof signal === 'string' && signal !== 'SIGTERM'
    throw new EngineStartError(`cannot create the embedded database in ${dataDir} (${why})`, { isCrash, cause })
  }
}

class ChildEngine implements EngineProcess {
  readonly pid: number
  readonly open: Promise<void>
  readonly ended: Promise<EngineEnd>
  readonly #child: ChildProcess
  readonly #wire: Socket
  /** The callbacks that wait for answers, in the order of the requests. */
  readonly #hearers: Array<(bytes: Buffer) => void> = []
  #stderr = ''

  constructor(child: ChildProcess, log: Log) {
    this.#child = child
    this.pid = child.pid ?? 0
    this.#wire = child.stdio[3] as Socket
    // A broken pipe means that the process has ended, which is reported once.
    for (const stream of [this.#wire, child.stdin]) stream?.on('error', () => {})
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_STDERR)
      log.warn({ engine_pid: this.pid, stderr: text.trim() }, 'the embedded database wrote to standard error')
    })
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve({ why: error.message, isCrash: false }))
      child.once('close', (code, signal) => {
        const why = signal ?? [`exit code ${code}`, faultIn(this.#stderr)].filter(Boolean).join(': ')
        resolve({ why, isCrash: signal !== null })
      })
    })
    this.open = new Promise((resolve) => {
      this.#hearers.push(() => {
        resolve()
        this.#keepAlive(false)
      })
    })
    const reader = new FrameReader()
    this.#wire.on('data', (chunk: Buffer) => {
      for (const { bytes } of reader.push(chunk)) this.#hearers.shift()?.(bytes)
      if (this.#hearers.length === 0) this.#keepAlive(false)
    })
  }

  ask(kind: FrameKind, bytes: Buffer | undefined, hear: (bytes: Buffer) => void): void {
    if (this.#hearers.push(hear) === 1) this.#keepAlive(true)
    this.#wire.write(writeFrame(kind, bytes))
  }

  async close(): Promise<void> {
    this.ask(FRAME.close, undefined, () => {})
    const limit = setTimeout(() => this.kill(), CLOSE_LIMIT_MS)
    await this.ended
    clearTimeout(limit)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** An engine without pending requests does not keep this process alive. */
  #keepAlive(does: boolean): void {
    const { stdin, stderr } = this.#child
    for (const handle of [this.#child, this.#wire, stdin as Socket | null, stderr as Socket | null]) {
      if (does) handle?.ref()
      else handle?.unref()
    }
  }
}

/** The last line of an uncaught error, without its stack. */
function faultIn(stderr: string): string | undefined {
  const lines = stderr.split('\n').filter((line) => /^\S*(?:Error|error|FATAL|PANIC)\b.*:/.test(line))
  return lines.at(-1)
}
