import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../observability/index.ts'
import type { RuntimeApi } from '../maps/runtime-api.ts'
import { CONFIGURATION_FILE, SOCKET_FILE } from '../settings.ts'
import { HaproxyError } from './program.ts'

/** What a supervisor needs. */
export interface SupervisorOptions {
  readonly program: string
  readonly directory: string
  readonly api: RuntimeApi
  /** How long HAProxy may take until it answers after a start. */
  readonly startMs: number
  /** How long a HAProxy that stops may finish its requests. */
  readonly drainMs: number
  /** Whether its standard output, the decision lines, is that of this process. */
  readonly writesLines: boolean
  readonly log: Log
}

const RESTART_MS = 200
const LONGEST_RESTART_MS = 5_000
const POLL_MS = 20
const MESSAGES_FILE = 'haproxy.messages'

/**
 * Keeps one HAProxy running. It is a process of its own group, so it survives this process and continues to route; the
 * next start takes over its listening sockets without refusing a connection.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  #child: ChildProcess | undefined
  #isStopping = false
  #pause = RESTART_MS
  #restart: NodeJS.Timeout | undefined
  #starting: Promise<void> = Promise.resolve()
  /** Called before each start that follows an exit, so that the files are current. */
  beforeRestart: () => Promise<void> = () => Promise.resolve()

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  /** The process id of the HAProxy that was started last; undefined while none runs. */
  get pid(): number | undefined {
    return this.#child === undefined || hasEnded(this.#child) ? undefined : this.#child.pid
  }

  /**
   * Starts HAProxy with the configuration on disk, in place of the one that runs, if any. Resolves when the new one
   * answers; rejects with {@link HaproxyError} if it does not, and the old one then remains.
   */
  start(): Promise<void> {
    const started = this.#starting.then(() => this.#start())
    // One start after the other: two at once would not see each other, and HAProxy lets two processes share a port.
    this.#starting = started.catch(() => {})
    return started
  }

  async #start(): Promise<void> {
    if (this.#isStopping) throw new HaproxyError('the data plane is stopping')
    clearTimeout(this.#restart)
    const { directory, program, log } = this.#options
    const before = await this.#options.api.pid().catch(() => undefined)
    const socket = join(directory, SOCKET_FILE)
    const takesOver = before === undefined ? [] : ['-x', socket, '-sf', String(before)]
    const messages = join(directory, MESSAGES_FILE)
    const fd = openSync(messages, 'w', 0o600)
    const args = ['-db', '-f', join(directory, CONFIGURATION_FILE), ...takesOver]
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', this.#options.writesLines ? 'inherit' : 'ignore', fd],
    })
    closeSync(fd)
    child.on('error', () => {})
    if (!(await this.#answers(child))) {
      child.kill('SIGKILL')
      const said = await readFile(messages, 'utf8').catch(() => '')
      throw new HaproxyError(`HAProxy did not start: ${firstFault(said)}`)
    }
    this.#child = child
    this.#pause = RESTART_MS
    child.once('exit', (code, signal) => this.#onExit(child, code, signal))
    if (child.exitCode !== null) this.#onExit(child, child.exitCode, child.signalCode)
    log.info({ pid: child.pid, replaced: before ?? null }, 'HAProxy is running')
  }

  /** Lets HAProxy finish its requests, then ends it. Resolves when it has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#restart)
    await this.#starting
    const child = this.#child
    if (child === undefined || hasEnded(child)) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGUSR1')
    const limit = setTimeout(() => child.kill('SIGKILL'), this.#options.drainMs + 1_000)
    await ended
    clearTimeout(limit)
  }

  async #answers(child: ChildProcess): Promise<boolean> {
    const end = performance.now() + this.#options.startMs
    while (!hasEnded(child) && child.pid !== undefined && performance.now() < end) {
      if ((await this.#options.api.pid().catch(() => undefined)) === child.pid) return true
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    return false
  }

  #onExit(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#isStopping || child !== this.#child) return
    this.#child = undefined
    this.#options.log.error({ code, signal }, 'HAProxy exited unexpectedly; restarting it')
    this.#again()
  }

  #again(): void {
    this.#restart = setTimeout(async () => {
      try {
        await this.beforeRestart()
        if (!this.#isStopping && this.pid === undefined) await this.start()
      } catch (error) {
        this.#options.log.error({ err: error }, 'HAProxy cannot be restarted; trying again')
        if (!this.#isStopping) this.#again()
      }
    }, this.#pause)
    this.#pause = Math.min(LONGEST_RESTART_MS, this.#pause * 2)
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** The first line that says what is wrong; the rest are consequences. */
function firstFault(messages: string): string {
  const lines = messages.split('\n').filter((line) => /\[(?:ALERT|EMERG)\]/.test(line))
  const text = lines[0]?.replace(/^\[\w+\]\s*\(\d+\)\s*:\s*/, '').trim()
  return text === undefined || text === '' ? 'it gives no reason' : text.slice(0, 500)
}
