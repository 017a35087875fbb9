import { LARGEST_ID } from '../applications/index.ts'
import type { Database } from '../storage/index.ts'

/** An outbox row that a target does not have yet. */
export interface PendingDelivery {
  readonly id: number
  readonly clientId: string
  readonly event: 'upsert' | 'delete'
  readonly version: number
  /** The version that the reported target has confirmed; null when it has none, or when no target is reported. */
  readonly confirmedVersion: number | null
}

/**
 * Whether the row `o` of the outbox is pending for the target whose delivery is `d` and whose reported target's delivery
 * is `r`; `$2` is the name of the reported target, or empty.
 */
export const PENDING = `o.application_id <= ${LARGEST_ID}
  and (d.delivered_version is null or d.delivered_version < o.version
    or ($2 <> '' and o.event = 'upsert' and d.reported_version is distinct from r.delivered_version))`

/**
 * A place in an order of rows by time and id. The time is text, because a `Date` would drop its microseconds; undefined:
 * before everything.
 */
export type FeedPlace = { readonly at: string; readonly id: number } | undefined

/** What a part of a feed contained. */
export interface FeedPart {
  /** What is due, in the order of the feed. */
  readonly due: readonly PendingDelivery[]
  /** Where the next part begins; undefined behind an empty part. */
  readonly upTo: FeedPlace
  readonly isEnd: boolean
}

/**
 * Where a target finds what is due. Each part walks a bounded number of rows in the order of an index, so that its cost
 * does not depend on how many applications there are.
 */
export interface DueFeeds {
  /** Changes of applications, the oldest first. */
  changes(after: FeedPlace, limit: number): Promise<FeedPart>
  /** What the reported target has confirmed, the oldest first. */
  confirmations(after: FeedPlace, limit: number): Promise<FeedPart>
  /** What could not be delivered and is due again. */
  retries(limit: number): Promise<PendingDelivery[]>
  /** The place in the feeds that is a little before another, for transactions that committed late. */
  before(place: FeedPlace): Promise<FeedPlace>
}

/** How many rows one statement looks at. */
const WALKED = 20_000
const OVERLAP = '30 seconds'

const COLUMNS = `o.application_id as id, o.client_id as "clientId", o.event, o.version,
  r.delivered_version as "confirmedVersion"`

/** Opens the feeds of one target; `names` are its own name and that of the reported one, or an empty text. */
export function dueFeeds(database: Database, schema: string, names: readonly string[]): DueFeeds {
  const deliveries = `${schema}.outbox_deliveries`
  const isDue = `${PENDING} and (d.next_attempt_at is null or d.next_attempt_at <= now())`
  const own = `left join ${deliveries} d on d.application_id = o.application_id and d.target = $1`
  const reported = `left join ${deliveries} r on r.application_id = o.application_id and r.target = $2`
  const part = async (walk: string, after: FeedPlace, limit: number): Promise<FeedPart> => {
    const rows = await database.query<Row>(
      `with walked as materialized (${walk}), due as (
         select walked.at, ${COLUMNS} from walked join ${schema}.outbox o on o.application_id = walked.id ${own} ${reported}
         where ${isDue} order by walked.at, walked.id limit $5
       )
       select due.id, due."clientId", due.event, due.version, due."confirmedVersion", due.at::text as at, walk.count, walk.at::text as "lastAt", walk.id as "lastId"
       from (select (count(*) over ())::integer as count, at, id from walked order by at desc, id desc limit 1) walk
       left join due on true order by due.at, due.id`,
      [...names, after?.at ?? '-infinity', after?.id ?? 0, limit],
    )
    return partOf(rows, limit)
  }
  return {
    changes: (after, limit) =>
      part(
        `select changed_at as at, application_id as id from ${schema}.outbox
         where (changed_at, application_id) > ($3::timestamptz, $4::bigint)
         order by changed_at, application_id limit ${WALKED}`,
        after,
        limit,
      ),
    confirmations: (after, limit) =>
      part(
        `select delivered_at as at, application_id as id from ${deliveries}
         where target = $2 and (delivered_at, application_id) > ($3::timestamptz, $4::bigint)
         order by delivered_at, application_id limit ${WALKED}`,
        after,
        limit,
      ),
    retries: (limit) =>
      database.query<PendingDelivery>(
        `select ${COLUMNS} from ${deliveries} d join ${schema}.outbox o on o.application_id = d.application_id ${reported}
         where d.target = $1 and d.last_error is not null and d.next_attempt_at <= now() and ${PENDING}
         order by d.next_attempt_at, o.application_id limit $3`,
        [...names, limit],
      ),
    async before(place) {
      if (place === undefined) return undefined
      const [row] = await database.query<{ at: string }>(
        `select ($1::timestamptz - interval '${OVERLAP}')::text as at`,
        [place.at],
      )
      return row && { at: row.at, id: 0 }
    },
  }
}

interface Row {
  readonly id: number | null
  readonly clientId: string
  readonly event: PendingDelivery['event']
  readonly version: number
  readonly confirmedVersion: number | null
  readonly at: string
  readonly count: number
  readonly lastAt: string
  readonly lastId: number
}

function partOf(rows: readonly Row[], limit: number): FeedPart {
  const [first] = rows
  if (first === undefined) return { due: [], upTo: undefined, isEnd: true }
  const due = rows.flatMap(({ id, clientId, event, version, confirmedVersion }) =>
    id === null ? [] : [{ id, clientId, event, version, confirmedVersion }],
  )
  const last = rows.at(-1)
  // Behind a full part there may be more among the rows that were walked.
  if (due.length === limit && last?.id) return { due, upTo: { at: last.at, id: last.id }, isEnd: false }
  return { due, upTo: { at: first.lastAt, id: first.lastId }, isEnd: first.count < WALKED }
}
