import type { Registry } from 'prom-client'
import type { Log } from '../../../observability/index.ts'
import type { Database } from '../../../storage/index.ts'
import type { RolloutStore } from '../store/rollout-store.ts'
import type { Channel } from './channel.ts'
import { NotificationCursors } from './cursors.ts'
import { NotificationMetrics } from './notification-metrics.ts'
import { Notifier, type Timeline } from './notifier.ts'
import type { NotificationSettings } from './settings.ts'

/** What notifications depend on. */
export interface NotificationParts {
  readonly database: Database
  readonly schema: string
  readonly settings: NotificationSettings | undefined
  readonly channels: readonly Channel[]
  readonly log: Log
  readonly metrics: Registry
}

/** After a long absence of a channel, its message is made from the newest events; the others stay in the timeline. */
const MOST_EVENTS = 500

/** Opens the notifier of rollouts; the store calls its `note` with each event. */
export function openNotifications(parts: NotificationParts, store: RolloutStore): Notifier {
  const { database, schema, settings = {}, channels, log } = parts
  const cursors = new NotificationCursors(database, schema)
  const metrics = new NotificationMetrics(cursors, parts.metrics)
  return new Notifier({
    cursors,
    channels,
    timeline: timelineOf(database, store),
    onOutcome: (channel, outcome) => metrics.told(channel, outcome),
    ...{ log, publicUrl: settings.publicUrl, intervalMs: settings.intervalMs },
  })
}

function timelineOf(database: Database, store: RolloutStore): Timeline {
  return {
    async rollout(id) {
      const found = await store.read(database, id)
      if (found === undefined) return undefined
      const { plan, state } = found
      const { name, flag, environment, notify } = plan
      return { about: { id, name, flag, environment, state, responsible: notify.responsible }, receivers: notify }
    },
    async events(id, after, until) {
      const from = Math.max(after, until - MOST_EVENTS)
      const events = await store.events(database, id, { after: from, limit: MOST_EVENTS })
      return events.filter(({ number }) => number <= until)
    },
  }
}
