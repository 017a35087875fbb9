import { type Environment, isEnvironment } from '../../../flags/index.ts'
import type { AuditAction } from '../../audit/entry.ts'
import type { Change } from '../model.ts'

/** What a page of the console can show; `rollouts/12` is one of the rollouts. */
export const TOPICS = [
  'activity',
  'applications',
  'brake',
  'checklist',
  'credentials',
  'deployments',
  'flags',
  'gateways',
  'guards',
  'outcomes',
  'problems',
  'rollouts',
  'sessions',
  'side_effects',
  'status',
  'tokens',
] as const
export type Topic = (typeof TOPICS)[number] | `rollouts/${number}`

/** What has changed, in one environment or, without one, in all. */
export interface Changed {
  readonly environment: Environment | undefined
  readonly topics: readonly Topic[]
}

const OF_ACTION: Readonly<Record<AuditAction, readonly Topic[]>> = {
  'flag.set': ['flags', 'applications', 'status'],
  'flag.delete': ['flags', 'applications', 'status'],
  'flag.restore': ['flags', 'applications', 'status'],
  'default.iam': ['flags', 'applications', 'status'],
  'default.rails': ['flags', 'applications', 'status'],
  'brake.on': ['brake', 'status'],
  'brake.off': ['brake', 'status'],
  'application.put': ['applications', 'status'],
  'application.remove': ['applications', 'status'],
  'application.confirm': ['applications', 'status'],
  'token.create': ['tokens'],
  'token.end': ['tokens', 'sessions'],
  sign_in: ['sessions'],
  sign_out: ['sessions'],
  'access.refused': [],
  'change.refused': [],
  'credentials.revoke': ['credentials'],
  'deployment.record': ['deployments', 'checklist'],
  'side_effect.retry': ['side_effects', 'status'],
  'side_effect.drop': ['side_effects', 'status'],
  'checklist.tick': ['checklist'],
  'checklist.untick': ['checklist'],
  'history.lost': ['status'],
  'rollout.create': ['rollouts'],
  'rollout.action': ['rollouts'],
  'rollout.decision': ['rollouts'],
  'problem.report': ['problems', 'rollouts', 'applications'],
}

/** The topics of a change that the snapshot contains. */
export function topicsOfChange(change: Change): Changed {
  switch (change.kind) {
    case 'flag':
      return { environment: change.environment, topics: OF_ACTION['flag.set'] }
    case 'brake':
      return { environment: change.environment, topics: OF_ACTION['brake.on'] }
    case 'application':
    case 'application_removed':
      return { environment: undefined, topics: OF_ACTION['application.put'] }
  }
}

/** The topics of an entry of the audit log. An entry of a newer replica may have an action that is unknown here. */
export function topicsOfEntry(entry: {
  readonly action: string
  readonly environment: string | null
  readonly subject: string
}): Changed {
  const { action, environment, subject } = entry
  const own = (OF_ACTION as Readonly<Record<string, readonly Topic[]>>)[action] ?? TOPICS
  const [, rollout] = /^rollout:(\d{1,10})$/.exec(subject) ?? []
  const one: Topic[] = rollout === undefined ? [] : [`rollouts/${Number(rollout)}`]
  return {
    environment: environment !== null && isEnvironment(environment) ? environment : undefined,
    topics: ['activity', ...own, ...one],
  }
}
