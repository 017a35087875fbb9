import type { Environment, FlagState } from '../../flags/index.ts'
import type { AuditEvent } from '../audit/entry.ts'

/** The reason and the channel of a change. */
export interface EventContext {
  readonly door: string
  readonly correlation_id: string | null
  readonly reason?: string | undefined
  readonly change_issue_url?: string | undefined
  readonly proposed_by?: string | undefined
  readonly overrides?: readonly string[] | undefined
}

/** A change of a flag or a brake, as external systems receive it. Never holds a secret. */
export interface FlagEvent {
  readonly kind: 'flag' | 'brake'
  readonly environment: Environment
  /** The flag's name; `brake` for a brake. */
  readonly name: string
  readonly action: string
  readonly before: FlagState | null
  readonly after: FlagState | null
  /** The value of a brake; undefined for a flag. */
  readonly brakeOn?: boolean | undefined
  readonly by: string
  readonly version: number
  readonly cause?: EventContext | undefined
}

/** An audit entry as an event; undefined if it is not a change of a flag or brake. */
export function flagEventOf({ context, action, environment, subject, before, after }: AuditEvent, version: number) {
  const [kind, verb = ''] = action.split('.')
  if ((kind !== 'flag' && kind !== 'brake') || environment === null) return undefined
  const { by, channel: door, correlation_id, reason, change_issue_url, proposed_by, overrides } = context
  const event: FlagEvent = {
    ...{ kind, environment, name: subject, by, version },
    ...(kind === 'brake'
      ? { action: 'set', before: null, after: null, brakeOn: verb === 'on' }
      : { action: verb, before: before as FlagState | null, after: after as FlagState | null }),
    cause: { door, correlation_id, reason: reason ?? brakeReason(after), change_issue_url, proposed_by, overrides },
  }
  return event
}

function brakeReason(after: unknown): string | undefined {
  const reason = after !== null && typeof after === 'object' ? (after as { reason?: unknown }).reason : undefined
  return typeof reason === 'string' && reason !== '' ? reason : undefined
}

/** A change as its author made it: the value, and the actors it is limited to; for all if `actors` is empty. */
export interface ChangeInWords {
  readonly value: string
  /** What the value is a percentage of; undefined if it is not a percentage. */
  readonly share?: 'actors' | 'time'
  readonly actors: readonly string[]
}

/** What an event changed: a value as the flags API takes it, or `deleted`. */
export function changeInWords({ kind, action, before, after, brakeOn }: FlagEvent): ChangeInWords {
  if (kind === 'brake') return { value: brakeOn ? 'on' : 'off', actors: [] }
  if (after === null) return { value: action === 'delete' ? 'deleted' : 'not set', actors: [] }
  const added = (one: readonly string[] | undefined, other: readonly string[]) =>
    other.filter((actor) => !(one ?? []).includes(actor))
  const lists = [
    ['true', added(before?.actors, after.actors)],
    ['false', added(after.actors, before?.actors ?? [])],
    ['false', added(before?.switched_off, after.switched_off ?? [])],
    ['opt_out', added(before?.opted_out, after.opted_out)],
    ['remove_opt_out', added(after.opted_out, before?.opted_out ?? [])],
  ] as const
  if ((before?.boolean ?? false) !== after.boolean) return { value: String(after.boolean), actors: [] }
  if ((before?.percentage_of_actors ?? 0) !== after.percentage_of_actors) {
    return { value: String(after.percentage_of_actors), share: 'actors', actors: [] }
  }
  if ((before?.percentage_of_time ?? 0) !== after.percentage_of_time) {
    return { value: String(after.percentage_of_time), share: 'time', actors: [] }
  }
  const [value, actors] = lists.find(([, some]) => some.length > 0) ?? [isOff(after) ? 'false' : 'changed', []]
  return { value, actors }
}

/** The value for people: a percentage says of what. */
export function valueInWords({ value, share }: ChangeInWords): string {
  if (share === undefined) return value
  return share === 'actors' ? `${value} % of applications` : `${value} % of the time`
}

/** The sentence that testers look for in their channel: what was set, and where in bold. */
export function changeForTesters(event: FlagEvent, environment: string): string {
  const change = changeInWords(event)
  if (event.kind === 'brake') return `The brake has been set to ${change.value} on **${environment}**`
  const isGone = event.after === null && event.action === 'delete'
  const what = isGone ? 'has been deleted' : `has been set to ${valueInWords(change)}`
  return `Feature flag ${event.name} ${what} on **${environment}**`
}

/** Whether the flag is on for anyone after the change. */
export function leavesSomethingOn({ after }: FlagEvent): boolean {
  return after !== null && !isOff(after)
}

function isOff(state: FlagState): boolean {
  const { boolean, actors, percentage_of_actors, percentage_of_time, feature_groups } = state
  return !boolean && actors.length + percentage_of_actors + percentage_of_time + feature_groups.length === 0
}
