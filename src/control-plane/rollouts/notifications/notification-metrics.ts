import { Counter, Gauge, type Registry } from 'prom-client'
import { CHANNEL_NAMES, type ChannelName } from './channel.ts'
import type { NotificationCursors } from './cursors.ts'

/** Counts messages about rollouts, and shows how many rollouts have something to tell. */
export class NotificationMetrics {
  readonly #messages: Counter<'channel' | 'outcome'>

  constructor(cursors: NotificationCursors, registry: Registry) {
    const registers = [registry]
    this.#messages = new Counter({
      name: 'handover_notifications_total',
      help: 'Messages about rollouts that this replica delivered, failed to deliver, or dropped.',
      labelNames: ['channel', 'outcome'],
      registers,
    })
    new Gauge({
      name: 'handover_notifications_waiting',
      help: 'Rollouts with events that a channel has not sent yet; failing where its last attempt failed.',
      labelNames: ['channel', 'state'],
      registers,
      async collect() {
        // The other metrics must be available even without the store.
        const counts = await cursors.counts().catch(() => undefined)
        this.reset()
        if (counts === undefined) return
        // A series that exists before its first event tells an idle channel from one that nothing counts.
        for (const channel of CHANNEL_NAMES) {
          const { waiting, failing } = counts.find((one) => one.channel === channel) ?? { waiting: 0, failing: 0 }
          this.set({ channel, state: 'waiting' }, waiting - failing)
          this.set({ channel, state: 'failing' }, failing)
        }
      },
    })
  }

  told(channel: ChannelName, outcome: 'delivered' | 'failed' | 'dropped'): void {
    this.#messages.inc({ channel, outcome })
  }
}
