import type { ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import type { Environment } from '../../flags/index.ts'
import { type SnapshotFormat, textOf } from '../../routing/index.ts'
import type { ChangeFeed, FeedStep } from './feed.ts'
import type { Position } from './model.ts'
import { changeLine, snapshotPieces } from './snapshot-lines.ts'

/** Limits of a stream; the defaults suit a data centre. */
export interface StreamLimits {
  readonly heartbeatMs: number
  /** A reader that reads nothing for this long is disconnected. */
  readonly stalledMs: number
  /**
   * The maximum number of changes that wait for a slow reader; beyond it, the reader is disconnected, because a new
   * snapshot is cheaper.
   */
  readonly waitingChanges: number
}

export const STREAM_LIMITS: StreamLimits = { heartbeatMs: 1_000, stalledMs: 15_000, waitingChanges: 10_000 }

/** Why a stream ended. */
export type StreamEnd = 'reader_gone' | 'reader_stalled' | 'reader_too_slow' | 'reloaded' | 'closing'

/** The request of a reader. */
export interface StreamRequest {
  readonly environment: Environment
  readonly format: SnapshotFormat
  /** The position that the reader holds, to resume from. */
  readonly since: Pick<Position, 'epoch' | 'version'> | undefined
}

/**
 * The streams of all following gateways; each receives a snapshot or the changes it missed, then every change as it
 * happens.
 */
export class SnapshotStreams {
  readonly #feed: ChangeFeed
  readonly #limits: StreamLimits
  readonly #open = new Set<Stream>()
  readonly #timer: NodeJS.Timeout
  #isClosed = false

  constructor(feed: ChangeFeed, limits: StreamLimits = STREAM_LIMITS) {
    this.#feed = feed
    this.#limits = limits
    this.#timer = setInterval(() => {
      for (const stream of this.#open) stream.heartbeat()
    }, limits.heartbeatMs)
  }

  get size(): number {
    return this.#open.size
  }

  /** Serves one reader until either side ends the stream; the head of the response must have been written. */
  async serve(response: ServerResponse, request: StreamRequest): Promise<StreamEnd> {
    const stream = new Stream(response, request, this.#feed, this.#limits)
    this.#open.add(stream)
    if (this.#isClosed) stream.end('closing')
    try {
      return await stream.run()
    } finally {
      this.#open.delete(stream)
    }
  }

  /** Ends every stream, and each one that is opened from now on. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
    for (const stream of this.#open) stream.end('closing')
  }
}

class Stream {
  readonly #response: ServerResponse
  readonly #request: StreamRequest
  readonly #feed: ChangeFeed
  readonly #limits: StreamLimits
  #waiting: FeedStep[] = []
  /** The version of the last whole snapshot that was sent. */
  #sentUpTo = 0
  #isHeartbeatDue = false
  #end: StreamEnd | undefined
  #wake: () => void = () => {}

  constructor(response: ServerResponse, request: StreamRequest, feed: ChangeFeed, limits: StreamLimits) {
    this.#response = response
    this.#request = request
    this.#feed = feed
    this.#limits = limits
  }

  async run(): Promise<StreamEnd> {
    const onClose = () => this.end('reader_gone')
    // A reader that ends its side is gone: it has nothing left to send, and without changes no write would reveal that.
    const { socket } = this.#response
    socket?.once('end', onClose)
    this.#response.on('close', onClose).on('error', onClose)
    const unsubscribe = this.#feed.subscribe((step) => this.#hear(step))
    try {
      await this.#sendBeginning()
      await this.#sendChanges()
    } finally {
      unsubscribe()
      socket?.off('end', onClose)
      this.#response.off('close', onClose)
      if (this.#end === 'closing' || this.#end === 'reloaded') this.#response.end()
      else this.#response.destroy()
    }
    return this.#end ?? 'closing'
  }

  end(why: StreamEnd): void {
    this.#end ??= why
    this.#wake()
  }

  heartbeat(): void {
    this.#isHeartbeatDue = true
    this.#wake()
  }

  #hear(step: FeedStep | undefined): void {
    if (step === undefined) return this.end('reloaded')
    this.#waiting.push(step)
    if (this.#waiting.length > this.#limits.waitingChanges) return this.end('reader_too_slow')
    this.#wake()
  }

  /** The missed changes, or the whole snapshot. Changes that happen in the meantime are queued behind it. */
  async #sendBeginning(): Promise<void> {
    const { cache } = this.#feed
    const since = this.#request.since?.epoch === cache.epoch ? this.#request.since.version : undefined
    if (since === undefined) return this.#sendWhole()
    const missed = await this.#feed.changesBetween(since, cache.version)
    if (!missed) return this.#sendWhole()
    for (const step of missed) if (!(await this.#sendChange(step))) return
  }

  async #sendChanges(): Promise<void> {
    while (!this.#end) {
      const steps = this.#waiting
      this.#waiting = []
      for (const step of steps) if (!(await this.#sendChange(step))) return
      if (this.#isHeartbeatDue) {
        this.#isHeartbeatDue = false
        const { version, stamp } = this.#feed.cache.position
        // The queued changes come first, with their versions.
        const beat = textOf({ type: 'heartbeat', version, stamp, at: Date.now() })
        if (this.#waiting.length === 0) await this.#write(beat)
        else this.#isHeartbeatDue = true
      }
      if (this.#waiting.length === 0 && !this.#isHeartbeatDue) await this.#sleep()
    }
  }

  /** Resolves to false when the stream is over. */
  async #sendChange(step: FeedStep): Promise<boolean> {
    if (step.version <= this.#sentUpTo) return !this.#end
    const { environment, format } = this.#request
    const line = changeLine(step, { environment, format, definitions: this.#feed.cache.definitions })
    if (line) return this.#write(textOf(line))
    await this.#sendWhole()
    return !this.#end
  }

  /** Sends a snapshot of this moment; the changes that led to it are not sent any more. */
  async #sendWhole(): Promise<void> {
    const { environment, format } = this.#request
    const { cache } = this.#feed
    this.#sentUpTo = cache.version
    for (const piece of snapshotPieces(cache, environment, format)) {
      if (!(await this.#write(piece))) return
      // Other requests get their turn between two pieces.
      await turn()
    }
  }

  #sleep(): Promise<void> {
    if (this.#end) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** Resolves to true when the reader can receive more, to false when it is gone. */
  async #write(piece: string | Uint8Array): Promise<boolean> {
    if (this.#end) return false
    if (this.#response.write(piece)) return true
    let isDrained = false
    const onDrain = () => {
      isDrained = true
      this.#wake()
    }
    this.#response.once('drain', onDrain)
    const timer = setTimeout(() => this.end('reader_stalled'), this.#limits.stalledMs)
    while (!isDrained && !this.#end) await this.#sleep()
    clearTimeout(timer)
    this.#response.off('drain', onDrain)
    return !this.#end
  }
}
