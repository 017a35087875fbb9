import { actorOf } from '../../applications/index.ts'
import { type Environment, evaluateFlag, type FlagState } from '../../flags/index.ts'
import { ROUTING_FLAG } from '../../routing/index.ts'
import { type AuditFilter, readEntries, type StoredEntry } from '../audit/audit-log.ts'
import type { ChangeFeed } from '../state/feed.ts'
import { groupActors, type StateCache } from '../state/state-cache.ts'
import type { Store } from '../state/store.ts'
import { entryInWords } from './entry-in-words.ts'

/** How many entries of the log are read at once, and how many at most for one page. */
const PIECE = 100
const MOST_READ = 3_000

/** Something that happened to an application. */
export interface HistoryEntry {
  /** ISO 8601, by the database's clock, with microseconds. */
  readonly at: string
  readonly by: string
  readonly kind: 'moved' | 'taken_back' | 'registration' | 'exclusion' | 'retry' | 'report' | 'credentials'
  readonly sentence: string
}

/** A page of a history, newest first; `next` is the time before which the next page begins, null at the end. */
export interface HistoryPage {
  readonly entries: readonly HistoryEntry[]
  readonly next: string | null
}

/** The parts of the control plane that know what happened. */
export interface HistorySources {
  readonly store: Store
  readonly feed: ChangeFeed
}

/** What happened to one application in one environment, before a time. */
export interface HistoryRequest {
  readonly environment: Environment
  readonly applicationId: number
  /** ISO 8601; undefined for now. */
  readonly before: string | undefined
  readonly limit: number
}

/**
 * The history of an application over flags, rollouts, exclusions, reports and registration changes, newest first. Of the
 * routing flag's changes, only those that moved the application.
 */
export async function applicationHistory(sources: HistorySources, request: HistoryRequest): Promise<HistoryPage> {
  const { limit } = request
  const sorted = [flagChanges(sources, request), ownEntries(sources, request), rolloutEvents(sources, request)]
  const heads = await Promise.all(sorted.map((one) => one.next()))
  const entries: HistoryEntry[] = []
  while (entries.length <= limit) {
    const at = heads.reduce((best, head, index) => {
      if (head.done === true) return best
      const held = heads[best]
      return held === undefined || held.done === true || head.value.at > held.value.at ? index : best
    }, -1)
    const head = heads[at]
    const source = sorted[at]
    if (head === undefined || head.done === true || source === undefined) break
    entries.push(head.value)
    heads[at] = await source.next()
  }
  const shown = entries.slice(0, limit)
  return { entries: shown, next: entries.length > limit ? (shown.at(-1)?.at ?? null) : null }
}

/** When an application was moved to IAM last, in milliseconds since the epoch; undefined if it never was. */
export async function lastMove(sources: HistorySources, environment: Environment, applicationId: number) {
  const request = { environment, applicationId, before: undefined, limit: 1 }
  for await (const { kind, at } of flagChanges(sources, request)) if (kind === 'moved') return Date.parse(at)
  return undefined
}

async function* flagChanges(sources: HistorySources, request: HistoryRequest): AsyncGenerator<HistoryEntry> {
  const { environment, applicationId } = request
  const { cache } = sources.feed
  const isOn = evaluator(cache, environment, applicationId)
  for await (const { entry } of flagEntriesOf(sources.store, request)) {
    const [was, is] = [isOn(entry.before), isOn(entry.after)]
    if (was === is) continue
    const { reason } = entry
    // The gates of the whole flag say little about one application; the reason does.
    const how =
      reason === null || reason === ''
        ? entryInWords(entry, cache)
        : reason.replace(/^Applications? [^:]* taken back: (?:Failed: )?/, '')
    const sentence = `${is ? 'Moved to iam' : 'Taken back to rails'}: ${how}`
    yield { at: entry.at, by: entry.by, kind: is ? 'moved' : 'taken_back', sentence }
  }
}

function evaluator(cache: StateCache, environment: Environment, applicationId: number): (state: unknown) => boolean {
  const targetingKey = actorOf({ id: applicationId })
  const isMember = (group: string) => groupActors(cache.definitions, group).includes(targetingKey)
  return (state) => {
    const effective = (state ?? cache.defaultState(environment, ROUTING_FLAG)) as FlagState
    return evaluateFlag(ROUTING_FLAG, effective, { targetingKey, isMember }).value
  }
}

async function* ownEntries(
  { store, feed: { cache } }: HistorySources,
  request: HistoryRequest,
): AsyncGenerator<HistoryEntry> {
  const { environment, applicationId, before } = request
  for await (const { entry } of entriesOf(store, { subject: actorOf({ id: applicationId }), until: before })) {
    if (entry.environment !== null && entry.environment !== environment) continue
    const kind = KINDS[entry.action]
    if (kind === undefined) continue
    yield { at: entry.at, by: entry.by, kind, sentence: `${entryInWords(entry, cache)}${because(entry.reason)}` }
  }
}

const KINDS: Readonly<Record<string, HistoryEntry['kind']>> = {
  'application.put': 'registration',
  'application.remove': 'registration',
  'application.confirm': 'registration',
  'credentials.revoke': 'credentials',
  'problem.report': 'report',
}

async function* rolloutEvents({ store }: HistorySources, request: HistoryRequest): AsyncGenerator<HistoryEntry> {
  const { environment, applicationId, before, limit } = request
  const { schema, database } = store
  const rows = await database.query<{
    at: string
    by: string
    kind: 'excluded' | 'retried'
    sentence: string
    name: string
  }>(
    `select to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, e.by, e.kind, e.sentence, r.name
      from ${schema}.rollout_events e join ${schema}.rollouts r on r.id = e.rollout_id
      where r.environment = $1 and e.kind in ('excluded', 'retried') and e.at < coalesce($2::timestamptz, 'infinity')
        and (e.evidence @> jsonb_build_array(jsonb_build_object('applicationId', $3::bigint))
          or e.sentence ~* ('\\mapplications? ([0-9]+, )*' || $3::bigint || '\\M'))
      order by e.at desc limit $4`,
    [environment, before ?? null, applicationId, limit + 1],
  )
  for (const { at, by, kind, sentence, name } of rows) {
    yield { at, by, kind: kind === 'excluded' ? 'exclusion' : 'retry', sentence: `Rollout ${name}: ${sentence}` }
  }
}

/**
 * Of the newest {@link MOST_READ} changes of the routing flag, newest first, those that may have moved an application:
 * changes of other applications' own gates are left out by the database.
 */
async function* flagEntriesOf({ database, schema }: Store, request: HistoryRequest): AsyncGenerator<StoredEntry> {
  const { environment, applicationId, before } = request
  const values = [ROUTING_FLAG, environment, before ?? null, actorOf({ id: applicationId })]
  const differs = (of: (state: string) => string) =>
    `${of(`(entry -> 'before')`)} is distinct from ${of(`(entry -> 'after')`)}`
  const named = (gate: string) => differs((state) => `(${state} -> '${gate}') @> to_jsonb($4::text)`)
  const others = differs(
    (state) => `case jsonb_typeof(${state}) when 'object' then ${state} - 'actors' - 'opted_out' end`,
  )
  for (let least: number | null = null; ; ) {
    const piece: StoredEntry[] = await database.query<StoredEntry>(
      `select number, entry, hash from (
        select number, entry, hash from ${schema}.audit_log
          where entry ->> 'subject' = $1 and entry ->> 'environment' = $2 and number < coalesce($5::bigint, ${2 ** 53 - 1})
            and ($3::text is null or (entry ->> 'at') collate "C" < $3)
          order by number desc limit ${MOST_READ}
      ) newest
        where entry ->> 'action' like 'flag.%' and (${named('actors')} or ${named('opted_out')} or ${others})
        order by number desc limit ${PIECE}`,
      [...values, least],
    )
    yield* piece
    if (piece.length < PIECE) return
    least = piece.at(-1)?.number ?? null
  }
}

/** The entries of a filter, newest first, up to {@link MOST_READ}. */
async function* entriesOf(store: Store, filter: AuditFilter): AsyncGenerator<StoredEntry> {
  let before: number | undefined
  for (let read = 0; read < MOST_READ; read += PIECE) {
    const piece = await readEntries(store, filter, { before }, PIECE)
    yield* piece
    if (piece.length < PIECE) return
    before = piece.at(-1)?.number
  }
}

function because(reason: string | null): string {
  return reason === null || reason === '' ? '' : `, because: ${reason}`
}
