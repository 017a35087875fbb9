import type { Duplex } from 'node:stream'
import type { Log } from '../../observability/index.ts'
import { StoreAwayError } from '../errors.ts'
import { type EngineProcess, EngineStartError, startEngineProcess } from './engine-process.ts'
import { FRAME } from './frames.ts'
import { EngineSession } from './session.ts'

/**
 * Embedded PostgreSQL in a separate process, accessed through PostgreSQL's wire protocol, one session at a time. When
 * the process ends unexpectedly it is restarted, any number of times.
 */
export interface EmbeddedEngine {
  /**
   * A stream that the `pg` client uses in place of a socket. It connects once the engine is open, also after a restart;
   * it fails with {@link StoreAwayError} when the process ends, or immediately while the engine cannot be opened.
   */
  connect(): Duplex
  /** Resolves when the engine has ended, after at most 10 s. */
  close(): Promise<void>
}

export interface EngineOptions {
  readonly log: Log
  /** How long a statement may run past its time limit, blocking all others, before the process is ended. */
  readonly abandonedLimitMs: number
}

/**
 * Opens (or creates) the database in `dataDir`. Without one it is in memory, and is not restarted when its process
 * ends. Rejects with `StorageError`.
 */
export async function openEmbeddedEngine(
  dataDir: string | undefined,
  { log, abandonedLimitMs }: EngineOptions,
): Promise<EmbeddedEngine> {
  const start = () => startEngineProcess(dataDir, log)
  for (let attempt = 1; ; attempt++) {
    try {
      const restart = dataDir === undefined ? undefined : start
      return new SupervisedEngine(await start(), { log, abandonedLimitMs, restart })
    } catch (error) {
      if (!(error instanceof EngineStartError && error.isCrash) || attempt === OPEN_ATTEMPTS) throw error
      log.error({ err: error }, 'the embedded database crashed while opening; restarting it')
    }
  }
}

const OPEN_ATTEMPTS = 3
/** An engine that ran this long did not fail because of its start. */
const STEADY_MS = 60_000
const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 10_000

interface Supervision extends EngineOptions {
  /** Undefined for an in-memory database, which is lost with its process. */
  readonly restart: (() => Promise<EngineProcess>) | undefined
}

class SupervisedEngine implements EmbeddedEngine {
  readonly #log: Log
  readonly #abandonedLimitMs: number
  readonly #restart: Supervision['restart']
  readonly #sessions = new Set<EngineSession>()
  /** Undefined while there is no process. */
  #process: EngineProcess | undefined
  /** Why there is no process; undefined while one is starting, which sessions wait for. */
  #fault: StoreAwayError | undefined
  #starting: Promise<void> | undefined
  #delay: NodeJS.Timeout | undefined
  #failures = 0
  #isClosing = false

  constructor(first: EngineProcess, { log, abandonedLimitMs, restart }: Supervision) {
    this.#log = log
    this.#abandonedLimitMs = abandonedLimitMs
    this.#restart = restart
    this.#use(first)
  }

  connect(): Duplex {
    const session = new EngineSession((bytes) =>
      this.#process?.ask(FRAME.messages, bytes, (answer) => session.deliver(answer)),
    )
    const fault = this.#fault
    if (fault) {
      setImmediate(() => session.destroy(fault))
      return session
    }
    this.#sessions.add(session)
    session.once('close', () => {
      this.#sessions.delete(session)
      this.#watchAbandoned(session)
    })
    if (this.#process) begin(session, this.#process)
    return session
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#delay)
    await this.#starting
    await this.#process?.close()
  }

  #use(next: EngineProcess): void {
    const since = performance.now()
    this.#process = next
    this.#fault = undefined
    void next.ended.then(({ why }) => {
      this.#process = undefined
      if (this.#isClosing) return
      if (performance.now() - since > STEADY_MS) this.#failures = 0
      const fault = new StoreAwayError(`the embedded database stopped (${why})`)
      if (this.#restart === undefined) this.#fault = fault
      else this.#startLater({ engine_pid: next.pid, why }, 'the embedded database stopped and is started again')
      // A session that has not started waits for the next process.
      for (const session of this.#sessions) {
        if (session.hasBegun || this.#fault) session.destroy(fault)
      }
    })
    for (const session of this.#sessions) begin(session, next)
  }

  /** The first attempt is immediate; each later one waits twice as long as the previous one. */
  #startLater(what: object, message: string): void {
    const delay = this.#failures === 0 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures)
    this.#failures++
    this.#log.error({ ...what, retry_ms: delay }, message)
    this.#delay = setTimeout(() => {
      this.#starting = this.#start()
    }, delay)
  }

  async #start(): Promise<void> {
    try {
      const next = await this.#restart?.()
      if (next) this.#use(next)
    } catch (error) {
      if (this.#isClosing) return
      const why = (error as Error).message
      this.#fault = new StoreAwayError(`${why}; retrying`, { cause: error })
      for (const session of this.#sessions) session.destroy(this.#fault)
      this.#startLater({ err: error }, 'the embedded database cannot be opened')
    } finally {
      this.#starting = undefined
    }
  }

  /** The engine cannot cancel a statement, and all others wait for it, so the whole engine is ended. */
  #watchAbandoned(session: EngineSession): void {
    const current = this.#process
    if (current === undefined || !session.isAwaited) return
    setTimeout(() => {
      if (!session.isAwaited || this.#process !== current || this.#isClosing) return
      this.#log.error(
        { engine_pid: current.pid },
        'a statement does not end long after its time limit; the engine is ended',
      )
      current.kill()
    }, this.#abandonedLimitMs).unref()
  }
}

function begin(session: EngineSession, engine: EngineProcess): void {
  engine.ask(FRAME.session, undefined, () => session.begin())
}
