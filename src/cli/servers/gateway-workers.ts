import cluster, { type Worker as ClusterWorker } from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../../config/index.ts'
import { type CallAnswer, call, type HttpReply, type HttpRequest, type ListenAddress, serve } from '../../http/index.ts'
import { type Log, mergeMetrics } from '../../observability/index.ts'
import {
  BRAKE_VARIABLE,
  SEED_VARIABLE,
  type StopRequest,
  WORKER_VARIABLE,
  type WorkerReport,
} from './gateway-worker.ts'
import { type RunningPart, runUntilStopped } from './run-part.ts'

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url))
const RESTART_MS = 500
const ASK_MS = 2_000
/** How long a worker may take to stop accepting connections before the next one is asked. */
const LEAVE_MS = 2_000

/** The default number of processes that share the port: one core is left to the rest of the machine. */
export function defaultWorkers(): number {
  return Math.min(8, Math.max(1, availableParallelism() - 1))
}

/**
 * Runs `count` gateway processes that accept connections from one queue, with one admin port for all of them. The queue
 * belongs to this process too, so it outlives a process that exits by itself.
 */
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
  cluster.schedulingPolicy = cluster.SCHED_NONE
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
  cluster.setupPrimary({ exec: MAIN, args: ['gateway', ...options.args], stdio: [...stdio] })
  const workers = Array.from({ length: count }, (_, index) => new Worker(index, seed, log))
  const close = () => stopAll(workers)
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

/**
 * Stops all workers. One of them accepts connections until no other does, and then empties the queue before it closes it:
 * the kernel resets what is left in the queue when the last listener closes.
 */
async function stopAll(workers: readonly Worker[]): Promise<void> {
  for (const worker of workers) worker.restartsNoMore()
  const last = workers.find(({ adminUrl }) => adminUrl !== undefined)
  const others = workers.filter((worker) => worker !== last)
  await Promise.all(others.map((worker) => worker.leaveQueue()))
  last?.stop('last')
  await Promise.all(workers.map((worker) => worker.gone()))
}

class Worker {
  readonly #index: number
  readonly #seed: string
  readonly #log: Log
  #child: ClusterWorker | undefined
  #adminUrl: string | undefined
  #stopping = false
  #isBrakeSwitchedOn = false

  constructor(index: number, seed: string, log: Log) {
    this.#index = index
    this.#seed = seed
    this.#log = log
  }

  /** The URL of its admin port; undefined while it is not running. */
  get adminUrl(): string | undefined {
    return this.#adminUrl
  }

  /** Resolves when it listens; rejects if it exits before. */
  start(): Promise<void> {
    const startsWithBrake = this.#isBrakeSwitchedOn
    const child = cluster.fork({
      ...{ [WORKER_VARIABLE]: String(this.#index), [SEED_VARIABLE]: this.#seed },
      [BRAKE_VARIABLE]: startsWithBrake ? 'on' : 'off',
    })
    this.#child = child
    return new Promise((resolve, reject) => {
      child.on('message', (report: WorkerReport) => {
        if (!('adminUrl' in report)) return
        this.#adminUrl = report.adminUrl
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
        this.#log.error({ worker: this.#index, code, signal }, 'a gateway process exited unexpectedly; restarting it')
        setTimeout(() => this.#restart(), RESTART_MS)
      })
    })
  }

  /** Sends a signal only once the process handles it; before, it would end the process or start a debugger. */
  signal(signal: NodeJS.Signals): void {
    if (this.#adminUrl !== undefined) this.#child?.process.kill(signal)
  }

  /** Records whether the brake is switched on, for the process that replaces this one. */
  switchBrake(on: boolean): void {
    this.#isBrakeSwitchedOn = on
  }

  restartsNoMore(): void {
    this.#stopping = true
  }

  stop(stop: StopRequest['stop']): void {
    // A process that is still starting has no connection to close.
    if (this.#adminUrl === undefined) this.#child?.process.kill('SIGTERM')
    else if (this.#child?.isConnected()) this.#child.send({ stop } satisfies StopRequest)
  }

  /** Stops it, and resolves once it accepts no more connections, or after {@link LEAVE_MS}. */
  async leaveQueue(): Promise<void> {
    const child = this.#child
    if (!child || child.isDead()) return
    let limit: NodeJS.Timeout | undefined
    const left = new Promise<void>((resolve) => {
      child.on('message', (report: WorkerReport) => 'hasLeftQueue' in report && resolve())
      child.once('exit', () => resolve())
      limit = setTimeout(() => {
        this.#log.warn({ worker: this.#index }, 'a gateway process does not stop accepting connections')
        resolve()
      }, LEAVE_MS)
    })
    this.stop('first')
    await left
    clearTimeout(limit)
  }

  /** Resolves when its process has ended. */
  async gone(): Promise<void> {
    const child = this.#child
    if (child && !child.isDead()) await new Promise((resolve) => child.once('exit', resolve))
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
