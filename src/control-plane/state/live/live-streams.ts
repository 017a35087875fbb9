import type { ServerResponse } from 'node:http'
import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import type { CallerIds } from '../../access/sessions/session-store.ts'
import { ChangeWatch, type WatchSources } from './change-watch.ts'
import type { Changed } from './topics.ts'

/** At most 4 messages a second. */
const GAP_MS = 250
/** Changes that happen together are sent together. */
const COLLECT_MS = 25
const HEARTBEAT_MS = 2_000
const CHECK_MS = 5_000
const RETRY_MS = 1_000
/** How long messages are kept for streams to resume from, and how long the watch continues without a stream. */
const KEPT_MS = 5 * 60_000
/** The clocks of replicas and the time between two reads of the watch; what is sent twice does no harm. */
const MARGIN_MS = 3_000
/** A reader that lets this much wait is disconnected. */
const MOST_WAITING = 256 * 1_024
/** The maximum number of readers: of one session or token, and of this process. The tabs of a browser share a stream. */
const LIMITS = { ofCaller: 20, all: 2_000 }

/** What the streams need: the sources of changes, and who may continue to listen. */
export interface LiveOptions extends WatchSources {
  /** The given ids of sessions and tokens that are still valid. */
  readonly valid: (ids: CallerIds) => Promise<CallerIds>
}

/** A reader of the stream. */
export interface LiveReader {
  readonly environment: Environment
  /** The session or token with which it was authenticated. */
  readonly by: { readonly kind: 'session' | 'token'; readonly id: number }
  /** The id of the last event it has seen, to resume from. */
  readonly lastEventId: number | undefined
}

interface Stream extends LiveReader {
  readonly response: ServerResponse
  readonly end: () => void
}

interface Message {
  readonly id: number
  readonly environment: Environment
  readonly topics: readonly string[]
}

interface Outbox {
  readonly topics: Set<string>
  sentAt: number
  timer: NodeJS.Timeout | undefined
}

/**
 * The server-sent event streams of open consoles (WHATWG HTML §9.2): each message names the topics that have changed, is
 * serialized once for all readers of an environment, and has the database's time as its id, so that a stream can be
 * resumed at another replica. A stream that cannot be resumed receives `reset`.
 */
export class LiveStreams {
  readonly #options: LiveOptions
  readonly #watch: ChangeWatch
  readonly #limits: typeof LIMITS
  /** Also those that do not receive anything yet. */
  readonly #readers = new Set<LiveReader>()
  readonly #streams = new Set<Stream>()
  readonly #outboxes: ReadonlyMap<Environment, Outbox>
  #sent: Message[] = []
  #watchedSince = Number.POSITIVE_INFINITY
  #lastId = 0
  #timers: NodeJS.Timeout[] = []
  #idle: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: LiveOptions, limits = LIMITS) {
    this.#options = options
    this.#limits = limits
    this.#watch = new ChangeWatch(options, (changed) => this.#hear(changed))
    this.#outboxes = new Map(
      ENVIRONMENTS.map((environment) => [environment, { topics: new Set(), sentAt: 0, timer: undefined }]),
    )
  }

  get size(): number {
    return this.#streams.size
  }

  /** Why no further reader of this session or token can be served now; undefined when one can. */
  refusalOf(by: LiveReader['by']): string | undefined {
    const { ofCaller, all } = this.#limits
    if (this.#readers.size >= all) return `this replica serves at most ${all.toLocaleString('en-US')} event streams`
    const own = [...this.#readers].filter((reader) => reader.by.kind === by.kind && reader.by.id === by.id)
    return own.length < ofCaller ? undefined : `a ${by.kind} may have at most ${ofCaller} open event streams`
  }

  /** Serves one reader until either side ends the stream; the head of the response must have been written. */
  async serve(response: ServerResponse, reader: LiveReader): Promise<void> {
    this.#readers.add(reader)
    try {
      await this.#begin()
      await this.#stream(response, reader)
    } finally {
      this.#readers.delete(reader)
    }
  }

  async #stream(response: ServerResponse, reader: LiveReader): Promise<void> {
    await new Promise<void>((resolve) => {
      const stream: Stream = { ...reader, response, end: resolve }
      response.on('close', resolve).on('error', resolve)
      response.socket?.once('end', resolve)
      this.#streams.add(stream)
      // Only now: while this one waited, the last other reader may have left, as when a page is reloaded.
      this.#startTimers()
      this.#greet(stream)
      if (this.#isClosed || response.destroyed) resolve()
    }).finally(() => {
      for (const stream of this.#streams) if (stream.response === response) this.#streams.delete(stream)
      response.end()
      if (this.#streams.size === 0) this.#rest()
    })
  }

  /** Ends every stream with a hint to reconnect, and each one that is opened from now on. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { end, response } of this.#streams) {
      response.write(`retry: ${RETRY_MS}\n\n`)
      end()
    }
    clearTimeout(this.#idle)
    this.#stopTimers()
    for (const { timer } of this.#outboxes.values()) clearTimeout(timer)
    await this.#watch.stop()
  }

  async #begin(): Promise<void> {
    clearTimeout(this.#idle)
    if (this.#isClosed) return
    const wasWatching = this.#watch.isRunning
    await this.#watch.start()
    if (!wasWatching) this.#watchedSince = this.#watch.now()
  }

  /** Without readers, the watch continues for a while, so that they can resume. */
  #rest(): void {
    this.#stopTimers()
    clearTimeout(this.#idle)
    if (this.#isClosed) return
    this.#idle = setTimeout(() => {
      this.#watchedSince = Number.POSITIVE_INFINITY
      this.#sent = []
      void this.#watch.stop()
    }, KEPT_MS)
    this.#idle.unref()
  }

  #startTimers(): void {
    clearTimeout(this.#idle)
    if (this.#isClosed || this.#timers.length > 0) return
    this.#timers = [
      setInterval(() => this.#writeAll(this.#streams, Buffer.from(':\n\n')), HEARTBEAT_MS),
      setInterval(() => void this.#check().catch(() => {}), CHECK_MS),
    ]
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
  }

  /** What a reader has missed, in one message. */
  #greet({ response, lastEventId, environment }: Stream): void {
    const id = this.#nextId()
    response.write(`retry: ${RETRY_MS}\n\n`)
    if (lastEventId === undefined) return void response.write(eventText(id, 'ready', {}))
    if (lastEventId < Math.max(this.#watchedSince, id - KEPT_MS) || lastEventId > id + MARGIN_MS)
      return void response.write(eventText(id, 'reset', {}))
    const missed = this.#sent.filter((one) => one.environment === environment && one.id > lastEventId - MARGIN_MS)
    const topics = [...new Set(missed.flatMap((one) => one.topics))].sort()
    response.write(topics.length === 0 ? eventText(id, 'ready', {}) : eventText(id, 'changed', { topics }))
  }

  #hear({ environment, topics }: Changed): void {
    for (const each of environment === undefined ? ENVIRONMENTS : [environment]) {
      const outbox = this.#outboxes.get(each)
      if (outbox === undefined) continue
      for (const topic of topics) outbox.topics.add(topic)
      const waitMs = Math.max(COLLECT_MS, outbox.sentAt + GAP_MS - performance.now())
      outbox.timer ??= setTimeout(() => this.#send(each, outbox), waitMs)
    }
  }

  #send(environment: Environment, outbox: Outbox): void {
    outbox.timer = undefined
    outbox.sentAt = performance.now()
    const topics = [...outbox.topics].sort()
    outbox.topics.clear()
    const id = this.#nextId()
    const oldest = id - KEPT_MS
    if ((this.#sent[0]?.id ?? id) < oldest - MARGIN_MS) this.#sent = this.#sent.filter((one) => one.id >= oldest)
    this.#sent.push({ id, environment, topics })
    const readers = [...this.#streams].filter((stream) => stream.environment === environment)
    this.#writeAll(readers, Buffer.from(eventText(id, 'changed', { topics })))
  }

  #nextId(): number {
    this.#lastId = Math.max(this.#lastId + 1, Math.round(this.#watch.now()))
    return this.#lastId
  }

  #writeAll(streams: Iterable<Stream>, chunk: Buffer): void {
    for (const { response, end } of streams) {
      if (response.writableLength > MOST_WAITING) {
        response.destroy()
        end()
      } else response.write(chunk)
    }
  }

  /** Ends the streams of sessions and tokens that are no longer valid. */
  async #check(): Promise<void> {
    const of = (kind: 'session' | 'token') =>
      new Set([...this.#streams].filter(({ by }) => by.kind === kind).map(({ by }) => by.id))
    const asked = { sessions: of('session'), tokens: of('token') }
    const valid = await this.#options.valid(asked)
    for (const { by, response, end } of this.#streams) {
      const kind = by.kind === 'session' ? 'sessions' : 'tokens'
      if (!asked[kind].has(by.id) || valid[kind].has(by.id)) continue
      response.write(eventText(this.#nextId(), 'session_ended', {}))
      end()
    }
  }
}

function eventText(id: number, event: string, data: object): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
