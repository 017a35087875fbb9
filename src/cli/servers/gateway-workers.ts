import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../../config/index.ts'
import { type CallAnswer, call, type HttpReply, type HttpRequest, type ListenAddress, serve } from '../../http/index.ts'
import { type Log, mergeMetrics } from '../../observability/index.ts'
import { type RunningPart, runUntilStopped } from './run-part.ts'

/** The variable that tells a worker process its index. */
export const WORKER_VARIABLE = 'HANDOVER_GATEWAY_WORKER'

/** The variable with random text, the same for all workers of a port, from which keys may be derived. */
export const SEED_VARIABLE = 'HANDOVER_GATEWAY_SEED'

/** The variable that makes a worker start with its brake switched on. */
export const BRAKE_VARIABLE = 'HANDOVER_GATEWAY_BRAKE'

/** What a worker reports once it listens. */
export interface WorkerReady {
  readonly adminUrl: string
}

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url))
const RESTART_MS = 500
const ASK_MS = 2_000

/** The default number of processes that share the port: one core is left to the rest of the machine. */
export function defaultWorkers(): number {
  return Math.min(8, Math.max(1, availableParallelism() - 1))
}

/** Runs `count` gateway processes on one port (SO_REUSEPORT), with one admin port for all of them. */
export async function runGatewayWorkers(
  count: number,
  options: {
    readonly args: readonly string[]
    readonly listen: ListenAddress
    readonly adminListen: ListenAddress
    readonly drainMs: number
  },
  log: Log,
): Promise<number> {
  if (options.listen.port === 0) {
    throw new ConfigError(['gateway.listen (--listen): several workers cannot share port 0; specify a port'])
  }
  const seed = randomBytes(32).toString('hex')
  const workers = Array.from({ length: count }, (_, index) => new Worker(index, seed, options.args, log))
  const close = async () => {
    await Promise.all(workers.map((worker) => worker.close()))
  }
  try {
    await Promise.all(workers.map((worker) => worker.start()))
    const handler = async (request: HttpRequest) => {
      const { reply, isBrakeSwitchedOn } = await answer(request, workers)
      if (isBrakeSwitchedOn !== undefined) for (const worker of workers) worker.switchBrake(isBrakeSwitchedOn)
      return reply
    }
    const admin = await serve({ listen: options.adminListen, log, handler })
    // The brake (SIGUSR2 on, SIGUSR1 off) and a new snapshot file (SIGHUP) concern every process of the port.
    for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const) {
      process.on(signal, () => {
        for (const worker of workers) worker.signal(signal)
        if (signal !== 'SIGHUP') for (const worker of workers) worker.switchBrake(signal === 'SIGUSR2')
      })
    }
    log.info({ workers: count, admin: admin.url }, 'gateway is ready')
    // A worker may exceed its drain time by a margin.
    return await runUntilStopped([admin, { stopMs: options.drainMs + 5_000, close }] satisfies RunningPart[], log)
  } catch (error) {
    await close()
    throw error
  }
}

class Worker {
  readonly #index: number
  readonly #seed: string
  readonly #args: readonly string[]
  readonly #log: Log
  #child: ChildProcess | undefined
  #adminUrl: string | undefined
  #stopping = false
  #isBrakeSwitchedOn = false

  constructor(index: number, seed: string, args: readonly string[], log: Log) {
    this.#index = index
    this.#seed = seed
    this.#args = args
    this.#log = log
  }

  /** The URL of its admin port; undefined while it is not running. */
  get adminUrl(): string | undefined {
    return this.#adminUrl
  }

  /** Resolves when it listens; rejects if it exits before. */
  start(): Promise<void> {
    const startsWithBrake = this.#isBrakeSwitchedOn
    const env = {
      ...process.env,
      ...{ [WORKER_VARIABLE]: String(this.#index), [SEED_VARIABLE]: this.#seed },
      [BRAKE_VARIABLE]: startsWithBrake ? 'on' : 'off',
    }
    const child = fork(MAIN, ['gateway', ...this.#args], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child = child
    return new Promise((resolve, reject) => {
      child.once('message', (message) => {
        this.#adminUrl = (message as WorkerReady).adminUrl
        // The brake may have been switched while it started.
        if (this.#isBrakeSwitchedOn !== startsWithBrake) this.signal(this.#isBrakeSwitchedOn ? 'SIGUSR2' : 'SIGUSR1')
        resolve()
      })
      child.once('exit', (code, signal) => {
        const wasReady = this.#adminUrl !== undefined
        this.#adminUrl = undefined
        if (this.#stopping) return
        if (!wasReady)
          return reject(new ConfigError([`a gateway process exited during startup (${signal ?? `exit code ${code}`})`]))
        this.#log.error({ worker: this.#index, code, signal }, 'a gateway process ended by itself and is started again')
        setTimeout(() => this.#restart(), RESTART_MS)
      })
    })
  }

  /** Sends a signal only once the process handles it; before, it would end the process or start a debugger. */
  signal(signal: NodeJS.Signals): void {
    if (this.#adminUrl !== undefined) this.#child?.kill(signal)
  }

  /** Records whether the brake is switched on, for the process that replaces this one. */
  switchBrake(on: boolean): void {
    this.#isBrakeSwitchedOn = on
  }

  async close(): Promise<void> {
    this.#stopping = true
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await gone
  }

  #restart(): void {
    if (this.#stopping) return
    this.start().catch(() => setTimeout(() => this.#restart(), RESTART_MS))
  }
}

/**
 * The admin port for all workers: healthy and ready while one of them is, because a process that exits is restarted;
 * metrics are merged, and any other request is passed to every worker.
 */
async function answer(
  request: HttpRequest,
  workers: readonly Worker[],
): Promise<{ readonly reply: HttpReply; readonly isBrakeSwitchedOn?: boolean | undefined }> {
  // A worker that is starting gets the state of the brake from this process.
  const running = workers.flatMap(({ adminUrl }) => (adminUrl === undefined ? [] : [adminUrl]))
  const asked = await Promise.all(running.map((adminUrl) => ask(adminUrl, request)))
  const reply = joined(request, asked)
  if (request.path !== '/brake' || request.method !== 'PUT') return { reply }
  const moved = asked.find((one) => one?.status === 200)?.json as { held_by?: readonly string[] } | undefined
  return { reply, isBrakeSwitchedOn: moved?.held_by?.includes('switch') }
}

const NEEDS_ONE = new Set(['/healthz', '/readyz'])

/** Combines the responses of all running processes; undefined is a process that did not respond. */
export function joined(request: Pick<HttpRequest, 'path'>, asked: readonly (CallAnswer | undefined)[]): HttpReply {
  const answered = asked.filter((one) => one !== undefined)
  if (request.path === '/metrics') {
    const texts = answered.flatMap((one) => (one.status === 200 ? [one.text] : []))
    const type = 'text/plain; version=0.0.4; charset=utf-8'
    return { status: texts.length > 0 ? 200 : 503, headers: [['Content-Type', type]], body: mergeMetrics(texts) }
  }
  const byStatus = answered.toSorted((one, other) => one.status - other.status)
  const shown = NEEDS_ONE.has(request.path) ? byStatus.at(0) : byStatus.at(-1)
  if (shown === undefined || (answered.length < asked.length && !NEEDS_ONE.has(request.path))) {
    const headers = [['Content-Type', 'text/plain; charset=utf-8']] as const
    return { status: 503, headers, body: 'a gateway process does not answer\n' }
  }
  const type = shown.json === undefined ? 'text/plain; charset=utf-8' : 'application/json'
  return { status: shown.status, headers: [['Content-Type', type]], body: shown.text }
}

async function ask(adminUrl: string, request: HttpRequest): Promise<CallAnswer | undefined> {
  const url = `${adminUrl}${request.path}${request.query === '' ? '' : `?${request.query}`}`
  const json = request.body.length === 0 ? {} : { json: parsed(request.body) }
  const method =
    request.method === 'PUT' || request.method === 'POST' || request.method === 'DELETE' ? request.method : 'GET'
  return call({ method, url, timeoutMs: ASK_MS, ...json }).catch(() => undefined)
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return body.toString('utf8')
  }
}
