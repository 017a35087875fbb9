import type { Environment } from '../../flags/index.ts'
import { canonicalHash } from './canonical.ts'
import type { ChangeContext } from './change-context.ts'

/** Every action that is recorded. Their meaning never changes; new ones may be added. */
export const AUDIT_ACTIONS = [
  'flag.set',
  'flag.delete',
  'flag.restore',
  'default.iam',
  'default.rails',
  'brake.on',
  'brake.off',
  'application.put',
  'application.remove',
  'application.confirm',
  'token.create',
  'token.end',
  'sign_in',
  'sign_out',
  'access.refused',
  'change.refused',
  'credentials.revoke',
  'deployment.record',
  'side_effect.retry',
  'side_effect.drop',
  'checklist.tick',
  'checklist.untick',
  'history.lost',
  'rollout.create',
  'rollout.action',
  'rollout.decision',
  'problem.report',
] as const
export type AuditAction = (typeof AUDIT_ACTIONS)[number]

/** An event to record. `before` and `after` must be JSON and must not hold a secret. */
export interface AuditEvent {
  readonly context: ChangeContext
  readonly action: AuditAction
  readonly environment: Environment | null
  /** The changed object: a flag's name, an application's actor, a token's name, `brake`, or `database`. */
  readonly subject: string
  readonly before: unknown
  readonly after: unknown
  /** Further details, such as the entry that was restored. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** An entry as it is stored and hashed: every field is always present, so that the export has one shape. */
export interface AuditEntry {
  readonly number: number
  /** From the database's clock, in UTC with microseconds. */
  readonly at: string
  readonly by: string
  readonly role: string
  /** The channel of the change; the stored, exported and hashed entries name it `door`. */
  readonly door: string
  readonly from: string | null
  readonly action: string
  readonly environment: string | null
  readonly subject: string
  readonly reason: string | null
  readonly change_issue_url: string | null
  readonly before: unknown
  readonly after: unknown
  readonly details: Readonly<Record<string, unknown>> | null
  readonly correlation_id: string | null
  /** The hash of the previous entry; {@link NO_HASH} for the first one. */
  readonly previous_hash: string
}

/** An entry with its own hash, which covers the canonical JSON of all other fields. */
export interface SealedEntry extends AuditEntry {
  readonly hash: string
}

/** The head of the chain: its newest entry. */
export interface ChainHead {
  readonly number: number
  readonly hash: string
}

export const NO_HASH = '0'.repeat(64)
/** The head of an empty chain. */
export const NO_ENTRIES: ChainHead = { number: 0, hash: NO_HASH }

/** Creates the entry that follows `head`. */
export function nextEntry(head: ChainHead, at: string, event: AuditEvent): SealedEntry {
  const { context, action, environment, subject } = event
  const { by, role, channel: door, from, correlation_id } = context
  const entry: AuditEntry = {
    number: head.number + 1,
    ...{ at, by, role, door, from, action, environment, subject },
    reason: context.reason ?? null,
    change_issue_url: context.change_issue_url ?? null,
    before: event.before ?? null,
    after: event.after ?? null,
    details: detailsOf(event),
    correlation_id,
    previous_hash: head.hash,
  }
  return { ...entry, hash: canonicalHash(entry) }
}

function detailsOf({ context, details }: AuditEvent): AuditEntry['details'] {
  const all = {
    ...details,
    ...(context.proposed_by !== undefined && { proposed_by: context.proposed_by }),
    ...(context.overrides !== undefined && context.overrides.length > 0 && { overrides: context.overrides }),
  }
  return Object.keys(all).length === 0 ? null : all
}
