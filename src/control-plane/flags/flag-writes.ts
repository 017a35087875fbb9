import {
  applyChange,
  type ChangeRules,
  type Definitions,
  type Environment,
  type FlagChange,
  type FlagState,
  type OptOutChange,
  sameState,
} from '../../flags/index.ts'
import { UNKNOWN_CLIENTS_FLAG } from '../../routing/index.ts'
import type { Queryable } from '../../storage/index.ts'
import type { ChangeContext } from '../audit/change-context.ts'
import type { SealedEntry } from '../audit/entry.ts'
import type { FieldFault } from '../requests/problems.ts'
import type { Change } from '../state/model.ts'
import { defaultState, groupActors, ROUTING_FLAGS } from '../state/state-cache.ts'
import type { Store, Written } from '../state/store.ts'
import type { Unconfirmed } from './confirmation.ts'

/** The reason and the channel of a change, stored with it. */
export interface StoredContext {
  readonly door: string
  readonly correlation_id: string
  readonly reason?: string | undefined
  readonly change_issue_url?: string | undefined
  /** Who proposed the change that `by` approved. */
  readonly proposed_by?: string | undefined
  /** The checks that were overridden, and their findings. */
  readonly overrides?: readonly string[] | undefined
}

/** The flag to write, with its author and reason. */
export interface FlagWrite {
  readonly environment: Environment
  readonly name: string
  readonly context: ChangeContext
  /** The version that the flag must still have for the write to happen; undefined for any version. */
  readonly ifVersion?: number | undefined
  /** Checks the change before it is made, and says what `cause` still lacks. */
  readonly mustSay?: ((before: FlagState | null, after: FlagState | null) => readonly FieldFault[]) | undefined
  /** Checks the change before it is made, and says what the caller has to confirm first. */
  readonly mustConfirm?: ((before: FlagState | null, after: FlagState | null) => Unconfirmed | undefined) | undefined
  /**
   * Runs in the transaction of the write once the flag has, or gets, the requested state; `version` is the flag's then. A
   * rejection undoes everything.
   */
  readonly alongside?: ((tx: Queryable, version: number, after: FlagState | null) => Promise<void>) | undefined
  /** Check the change without making it. */
  readonly isDryRun?: boolean | undefined
}

/** The states before and after a write; `optOutChanges` is what a `set` did in addition to what it names. */
export interface FlagStep {
  readonly before: FlagState | null
  readonly after: FlagState | null
  readonly optOutChanges: readonly OptOutChange[]
}

/** The outcome of a write. `unchanged` is a success: the flag already had the requested state. */
export type FlagOutcome =
  | ({ readonly kind: 'written'; readonly entry: SealedEntry } & FlagStep)
  | ({ readonly kind: 'unchanged' } & FlagStep)
  /** A dry run of an acceptable change, based on the current version of the flag. */
  | ({ readonly kind: 'rehearsed'; readonly version: number } & FlagStep)
  /** The caller must confirm what the change moves. */
  | ({ readonly kind: 'unconfirmed' } & Unconfirmed)
  /** A reason is required first. */
  | { readonly kind: 'cause_missing'; readonly errors: readonly FieldFault[] }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'conflict'; readonly version: number }
  | { readonly kind: 'no_history' }
  /** A plain restore found that the last change was a restore, which a repeated restore does not undo. */
  | ({ readonly kind: 'just_restored' } & Restored)

/** A restore that was the last change of a flag. */
export interface Restored {
  readonly version: number
  readonly by: string
  readonly at: Date
}

/** Applies changes to a flag, all or none, in the given order. */
export function changeFlag(
  store: Store,
  definitions: Definitions,
  write: FlagWrite,
  changes: readonly FlagChange[],
): Promise<FlagOutcome> {
  return onFlag(store, write, 'set', async (_tx, before) => stateAfter(definitions, write, before, changes))
}

/**
 * The result of changes to a flag with the opt-outs that they added or removed, or why they are refused; `before` is null for a flag that
 * has not been set.
 */
export function stateAfter(
  definitions: Definitions,
  { environment, name }: Pick<FlagWrite, 'environment' | 'name'>,
  before: FlagState | null,
  changes: readonly FlagChange[],
): { readonly state: FlagState; readonly optOutChanges: readonly OptOutChange[] } | { readonly refused: string } {
  const rules: ChangeRules = { routes: ROUTING_FLAGS.includes(name), membersOf: groupMembers(definitions) }
  let state = before ?? defaultState(definitions, environment, name)
  const optOutChanges: OptOutChange[] = []
  for (const change of changes) {
    const refused = refusalFor(name, change)
    if (refused !== undefined) return { refused }
    const result = applyChange(name, state, change, rules)
    if ('refused' in result) return result
    state = result.state
    optOutChanges.push(...result.optOutChanges)
  }
  return { state, optOutChanges }
}

/** Looks up each group only once. */
function groupMembers(definitions: Definitions): ChangeRules['membersOf'] {
  const members = new Map<string, ReadonlySet<string>>()
  return (group) => {
    const held = members.get(group) ?? new Set(groupActors(definitions, group))
    members.set(group, held)
    return held
  }
}

/** Deletes the state of a flag, so that its default applies again. */
export function deleteFlag(store: Store, write: FlagWrite): Promise<FlagOutcome> {
  return onFlag(store, write, 'delete', async () => ({ state: null }))
}

/**
 * Restores a flag to its state at `toVersion`, or, without one, to its state before the last change. A restore is a
 * change like any other, but undoes another restore only if it names the version it is based on or the target version:
 * two people who run the same command in one incident must not undo each other's restore. A future version is refused.
 */
export function restoreFlag(store: Store, write: FlagWrite, toVersion: number | undefined): Promise<FlagOutcome> {
  return onFlag(store, write, 'restore', async (tx) => {
    const where = [write.environment, write.name]
    if (toVersion === undefined) {
      const [last] = await tx.query<FlagHistoryEntry>(
        `select version, action, before, changed_by, changed_at from ${store.schema}.flag_history
          where environment = $1 and name = $2 order by version desc limit 1`,
        where,
      )
      if (last === undefined) return 'no_history'
      const { version, action, changed_by: by, changed_at: at, before } = last
      const isRepeated = action === 'restore' && write.ifVersion === undefined
      return isRepeated ? { justRestored: { version, by, at } } : { state: before }
    }
    const [clock] = await tx.query<{ version: number }>(`select version from ${store.schema}.clock`)
    const newest = clock?.version ?? 0
    if (toVersion > newest) return { refused: `version ${toVersion} has not been: the newest is ${newest}` }
    const [then] = await tx.query<{ after: FlagState | null }>(
      `select after from ${store.schema}.flag_history
        where environment = $1 and name = $2 and version <= $3 order by version desc limit 1`,
      [...where, toVersion],
    )
    if (then) return { state: then.after }
    const [first] = await tx.query<{ before: FlagState | null }>(
      `select before from ${store.schema}.flag_history where environment = $1 and name = $2 order by version limit 1`,
      where,
    )
    return first ? { state: first.before } : 'no_history'
  })
}

/** One entry of a flag's history, newest first in lists. `null` stands for "not set". */
export interface FlagHistoryEntry {
  readonly version: number
  readonly action: string
  readonly before: FlagState | null
  readonly after: FlagState | null
  readonly changed_by: string
  readonly changed_at: Date
  readonly cause: StoredContext | null
}

/** The last changes of a flag, newest first. */
export function flagHistory(
  store: Store,
  environment: Environment,
  name: string,
  limit: number,
): Promise<FlagHistoryEntry[]> {
  return store.database.query<FlagHistoryEntry>(
    `select version, action, before, after, changed_by, changed_at, cause from ${store.schema}.flag_history
      where environment = $1 and name = $2 order by version desc limit $3`,
    [environment, name, limit],
  )
}

/** Restores a flag to a state that an audit entry records. */
export function restoreFlagState(
  store: Store,
  write: FlagWrite,
  state: FlagState | null,
  details: Readonly<Record<string, unknown>>,
): Promise<FlagOutcome> {
  return onFlag(store, write, 'restore', async () => ({ state }), details)
}

type Next =
  | { readonly state: FlagState | null; readonly optOutChanges?: readonly OptOutChange[] }
  | { readonly refused: string }
  | { readonly justRestored: Restored }
  | 'no_history'

function onFlag(
  store: Store,
  write: FlagWrite,
  action: 'set' | 'delete' | 'restore',
  decide: (tx: Queryable, before: FlagState | null) => Promise<Next>,
  details: Readonly<Record<string, unknown>> = {},
): Promise<FlagOutcome> {
  const { environment, name, context } = write
  return store.write<FlagOutcome>(async (tx, version): Promise<Written<FlagOutcome>> => {
    const [stored] = await tx.query<{ state: FlagState; version: number }>(
      `select state, version from ${store.schema}.flags where environment = $1 and name = $2`,
      [environment, name],
    )
    const nothing = (result: FlagOutcome): Written<FlagOutcome> => ({ change: undefined, result })
    if (write.ifVersion !== undefined && write.ifVersion !== (stored?.version ?? 0)) {
      return nothing({ kind: 'conflict', version: stored?.version ?? 0 })
    }
    const before = stored?.state ?? null
    const next = await decide(tx, before)
    if (next === 'no_history') return nothing({ kind: 'no_history' })
    if ('justRestored' in next) return nothing({ kind: 'just_restored', ...next.justRestored })
    if ('refused' in next) return nothing({ kind: 'refused', why: next.refused })
    const step: FlagStep = { before, after: next.state, optOutChanges: next.optOutChanges ?? [] }
    const { after } = step
    if (write.isDryRun) return nothing({ kind: 'rehearsed', version: stored?.version ?? 0, ...step })
    if (before === after || (before && after && sameState(before, after))) {
      await write.alongside?.(tx, stored?.version ?? 0, after)
      return nothing({ kind: 'unchanged', ...step })
    }
    const missing = write.mustSay?.(before, after) ?? []
    if (missing.length > 0) return nothing({ kind: 'cause_missing', errors: missing })
    const unconfirmed = write.mustConfirm?.(before, after)
    if (unconfirmed !== undefined) return nothing({ kind: 'unconfirmed', ...unconfirmed })
    // A flag that is deleted has no version.
    await write.alongside?.(tx, after === null ? 0 : version, after)
    if (after) {
      await tx.query(
        `insert into ${store.schema}.flags (environment, name, state, version) values ($1, $2, $3, $4)
          on conflict (environment, name) do update set state = excluded.state, version = excluded.version`,
        [environment, name, JSON.stringify(after), version],
      )
    } else {
      await tx.query(`delete from ${store.schema}.flags where environment = $1 and name = $2`, [environment, name])
    }
    await tx.query(
      `insert into ${store.schema}.flag_history (environment, name, version, action, before, after, changed_by, cause)
        values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        environment,
        name,
        version,
        action,
        jsonOf(before),
        jsonOf(after),
        context.by,
        JSON.stringify(storedContext(context)),
      ],
    )
    const change: Change = { kind: 'flag', environment, name, state: after }
    const event = { context, environment, subject: name, before, after, details }
    const entry = await tx.record({ action: `flag.${action}`, ...event })
    return { change, result: { kind: 'written', entry, ...step } }
  })
}

/** The flag for unknown clients is evaluated without an application, so only its boolean gate has a meaning. */
function refusalFor(name: string, change: FlagChange): string | undefined {
  if (name !== UNKNOWN_CLIENTS_FLAG || ('set' in change && !('target' in change))) return undefined
  return `'${name}' is for clients that have no application: it can only be set to true or false`
}

function storedContext({
  channel: door,
  correlation_id,
  reason,
  change_issue_url,
  proposed_by,
  overrides,
}: ChangeContext): StoredContext {
  const isOverridden = overrides !== undefined && overrides.length > 0
  return {
    ...{ door, correlation_id: correlation_id ?? '', reason, change_issue_url, proposed_by },
    ...(isOverridden && { overrides }),
  }
}

function jsonOf(value: object | null | undefined): string | null {
  return value ? JSON.stringify(value) : null
}
