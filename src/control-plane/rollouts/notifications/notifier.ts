import { createHash } from 'node:crypto'
import type { Log } from '../../../observability/index.ts'
import type { PlanNotify } from '../../../rollouts/index.ts'
import type { Queryable } from '../../../storage/index.ts'
import type { Channel, ChannelName, Delivery } from './channel.ts'
import type { DueCursor, NotificationCursors } from './cursors.ts'
import { type NoticeRollout, noticeOf, type TimelineEvent } from './notice.ts'

/** Where the notifier reads what happened. */
export interface Timeline {
  /** The rollout, and whom its plan chooses to be notified; undefined if it is gone. */
  rollout(id: number): Promise<{ readonly about: NoticeRollout; readonly receivers: PlanNotify } | undefined>
  /** Its events with numbers above `after`, up to `until`, in order. */
  events(id: number, after: number, until: number): Promise<readonly TimelineEvent[]>
}

/** The dependencies of a notifier. */
export interface NotifierOptions {
  readonly cursors: NotificationCursors
  readonly channels: readonly Channel[]
  readonly timeline: Timeline
  readonly log: Log
  readonly publicUrl?: string | undefined
  /** The minimum time between two messages about one rollout on one channel. Default: 60 s. */
  readonly intervalMs?: number | undefined
  /** The first and the longest pause after a failure. Default: 2 s and 10 min. */
  readonly retryMs?: readonly [first: number, longest: number]
  /** Called for each message that was delivered, failed, or was dropped because it was refused. */
  readonly onOutcome: (channel: ChannelName, outcome: 'delivered' | 'failed' | 'dropped') => void
}

const INTERVAL_MS = 60_000
const RETRY_MS = [2_000, 600_000] as const
const LOOK_MS = 1_000
const PRUNE_MS = 3_600_000
const CLOSE_MS = 2_000
/** How often a message that its receiver rejects is tried before it is dropped, so that later ones can pass. */
const MOST_REFUSALS = 3

/**
 * Tells people what happens to rollouts, on whichever replica claims a message first. Each channel works for itself: one
 * that is unavailable neither delays the others nor the rollout, and afterwards receives one message about each rollout.
 */
export class Notifier {
  readonly #options: NotifierOptions
  readonly #names: readonly ChannelName[]
  readonly #busy = new Map<ChannelName, Promise<void>>()
  readonly #timers: readonly NodeJS.Timeout[]
  #isClosing = false

  constructor(options: NotifierOptions) {
    this.#options = options
    this.#names = options.channels.map(({ name }) => name)
    this.#timers =
      this.#names.length === 0
        ? []
        : [
            setInterval(() => this.wake(), LOOK_MS).unref(),
            setInterval(() => void options.cursors.prune().catch(() => {}), PRUNE_MS).unref(),
          ]
  }

  /** Notes a new event of a rollout, within the transaction that writes it; call {@link wake} after the commit. */
  note(tx: Queryable, rolloutId: number, number: number): Promise<void> {
    return this.#options.cursors.note(tx, this.#names, rolloutId, number)
  }

  /** Called when a message may be due. */
  wake(): void {
    if (this.#isClosing) return
    for (const channel of this.#options.channels) {
      if (this.#busy.has(channel.name)) continue
      const work = this.#workOff(channel).finally(() => this.#busy.delete(channel.name))
      this.#busy.set(channel.name, work)
    }
  }

  /** Stops after the messages in progress, or without them after a time limit. */
  async close(): Promise<void> {
    this.#isClosing = true
    for (const timer of this.#timers) clearInterval(timer)
    const limit = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())
    await Promise.race([Promise.all(this.#busy.values()), limit])
  }

  async #workOff(channel: Channel): Promise<void> {
    try {
      while (!this.#isClosing) {
        const due = await this.#options.cursors.claim(channel.name)
        if (due === undefined) return
        await this.#tell(channel, due)
      }
    } catch (error) {
      const { log } = this.#options
      log.warn({ channel: channel.name, cause: (error as Error).message }, 'notifications could not be looked up')
    }
  }

  async #tell(channel: Channel, due: DueCursor): Promise<void> {
    const { cursors, timeline, publicUrl, onOutcome, intervalMs = INTERVAL_MS } = this.#options
    const rollout = await timeline.rollout(due.rollout_id)
    const events = rollout === undefined ? [] : await timeline.events(due.rollout_id, due.told, due.newest)
    const notice = rollout && noticeOf(rollout.about, events, publicUrl)
    if (notice === undefined) return cursors.advance(due, due.thread, 0)
    const delivery = await channel
      .send({
        notice,
        id: messageIdOf(due, notice.rollout),
        thread: due.thread ?? undefined,
        receivers: rollout?.receivers,
      })
      .catch((error: unknown): Delivery => ({ kind: 'refused', why: `cannot be sent: ${(error as Error).name}` }))
    if (delivery.kind === 'delivered') {
      onOutcome(channel.name, 'delivered')
      return cursors.advance(due, delivery.thread ?? due.thread, intervalMs)
    }
    await this.#fail(channel.name, due, delivery)
  }

  async #fail(channel: ChannelName, due: DueCursor, delivery: Exclude<Delivery, { kind: 'delivered' }>): Promise<void> {
    const { cursors, log, onOutcome, retryMs: [first, longest] = RETRY_MS, intervalMs = INTERVAL_MS } = this.#options
    const { why, retryAfterMs = 0 } = delivery
    const fields = { channel, rollout: due.rollout_id, why, attempts: due.attempts + 1 }
    if (delivery.kind === 'refused' && due.attempts + 1 >= MOST_REFUSALS) {
      onOutcome(channel, 'dropped')
      log.error(fields, 'notification dropped, its receiver rejects it')
      return cursors.advance(due, due.thread, intervalMs)
    }
    onOutcome(channel, 'failed')
    const pause = Math.min(longest, first * 2 ** Math.min(due.attempts, 20)) * (0.75 + Math.random() / 2)
    await cursors.postpone(due, why, Math.min(longest, Math.max(pause, retryAfterMs)))
    log.warn(fields, 'notification failed, will retry')
  }
}

/** Equal for every attempt at the same events; unique among rollouts, installations and channels. */
function messageIdOf(
  { channel, rollout_id, told, newest }: DueCursor,
  { name, flag, environment }: NoticeRollout,
): string {
  const what = [channel, rollout_id, told, newest, name, flag, environment].join('\0')
  return `rollout-${rollout_id}-${createHash('sha256').update(what).digest('hex').slice(0, 24)}`
}
