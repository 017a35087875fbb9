import type { Log } from '../../observability/index.ts'
import { assertSchemaName, type Database, type Queryable } from '../../storage/index.ts'
import type { IamClient } from '../iam-client/iam-client.ts'

/** A grant that its user has revoked here and that IAM must revoke too. */
export interface PendingRevocation {
  readonly subject: string
  readonly clientId: string
  readonly clientName: string
}

/**
 * The revocations that IAM has not confirmed yet. A row is written along with the revocation itself, so none is lost.
 */
export interface Revocations {
  /** Records a revocation, as part of the transaction that revokes here. */
  request(revocation: PendingRevocation, within: Queryable): Promise<void>
  /** The user's revocations that IAM has not confirmed; with `clientId`, those for one application. */
  pending(subject: string, clientId?: string): Promise<PendingRevocation[]>
  /**
   * Delivers the user's revocations now; with `clientId`, those for one application. True when IAM has confirmed all of
   * them, so that nothing revoked here counts there. `unsupported`: this IAM has no such call.
   */
  settle(subject: string, clientId?: string): Promise<true | 'unavailable' | 'unsupported'>
  /** Stops the deliveries; resolves once the current one has ended. */
  stop(): Promise<void>
  /** For tests: deletes all of them. */
  reset(): Promise<void>
}

/** The table of revocations that IAM has not confirmed. */
export const REVOCATIONS_SQL = `
create table {schema}.grant_revocations (
  subject text not null,
  client_id text not null,
  client_name text not null,
  requested_at timestamptz not null default now(),
  requests integer not null default 1,
  attempts integer not null default 0,
  is_unsupported boolean not null default false,
  next_attempt_at timestamptz not null default now(),
  primary key (subject, client_id)
);
create index grant_revocations_by_attempt on {schema}.grant_revocations (next_attempt_at);
`

interface Row extends PendingRevocation {
  /** The number of requests: a revocation that is requested again during its delivery is delivered again. */
  readonly requests: number
  readonly attempts: number
}

const CALL_LIMIT_MS = 3_000
const BATCH = 20
/** How long a row that one process works on is off limits to others. */
const CLAIM_SECONDS = 10
const IDLE_MS = 30_000
const LONGEST_WAIT_SECONDS = { unavailable: 10, unsupported: 86_400 }
const COLUMNS = 'subject, client_id as "clientId", client_name as "clientName", requests, attempts'

/**
 * Opens the revocations in `schema` and delivers them until stopped. An IAM without the call is tried less and less
 * often, for 30 days.
 */
export function startRevocations(options: {
  readonly database: Database
  readonly schema: string
  readonly iam: Pick<IamClient, 'revokeGrants'>
  readonly log: Log
}): Revocations {
  const { database, schema, iam, log } = options
  assertSchemaName(schema)
  const table = `${schema}.grant_revocations`

  const deliver = async ({ subject, clientId, requests, attempts }: Row) => {
    const answer = await iam.revokeGrants(subject, clientId, CALL_LIMIT_MS)
    const of = [subject, clientId, requests]
    const same = 'where subject = $1 and client_id = $2 and requests = $3'
    if (answer.kind === 'ok') {
      await database.query(`delete from ${table} ${same}`, of)
      log.info({ client_id: clientId, attempts: attempts + 1 }, 'grants: revocation delivered to IAM')
      return true
    }
    const outcome = answer.kind === 'gone' ? 'unsupported' : 'unavailable'
    await database.query(
      `update ${table} set attempts = attempts + 1, is_unsupported = $4,
  next_attempt_at = now() + interval '1 second' * least(power(2, least(attempts, 20)), $5::integer) ${same}`,
      [...of, outcome === 'unsupported', LONGEST_WAIT_SECONDS[outcome]],
    )
    if (attempts === 0) {
      const reason = answer.kind === 'gone' ? 'it has no such call' : answer.reason
      log.warn({ client_id: clientId, reason }, 'grants: IAM did not confirm a revocation, will retry')
    }
    return outcome
  }
  const find = (subject: string, clientId: string | undefined) =>
    database.query<Row>(
      `select ${COLUMNS} from ${table} where subject = $1 and ($2::text is null or client_id = $2) order by requested_at`,
      [subject, clientId ?? null],
    )
  const deliverDue = async () => {
    for (;;) {
      const due = await database.query<Row>(
        `update ${table} set next_attempt_at = now() + interval '${CLAIM_SECONDS} seconds'
where (subject, client_id) in (select subject, client_id from ${table} where next_attempt_at <= now()
  order by next_attempt_at limit ${BATCH} for update skip locked) returning ${COLUMNS}`,
      )
      for (const row of due) if ((await deliver(row)) === 'unavailable') return
      if (due.length < BATCH) break
    }
    const given = await database.query<{ client_id: string }>(
      `delete from ${table} where is_unsupported and requested_at < now() - interval '30 days' returning client_id`,
    )
    for (const row of given) log.error(row, 'grants: IAM does not support revocation; its tokens remain valid')
  }
  const loop = deliveryLoop(database, table, deliverDue, log)
  return {
    async request({ subject, clientId, clientName }, within) {
      await within.query(
        `insert into ${table} (subject, client_id, client_name) values ($1, $2, $3)
on conflict (subject, client_id) do update set requested_at = now(), requests = ${table}.requests + 1, attempts = 0, next_attempt_at = now()`,
        [subject, clientId, clientName],
      )
    },
    pending: find,
    async settle(subject, clientId) {
      let settled: true | 'unsupported' = true
      for (const row of await find(subject, clientId)) {
        const outcome = await deliver(row)
        if (outcome === 'unavailable') {
          loop.wake()
          return outcome
        }
        if (outcome === 'unsupported') settled = outcome
      }
      return settled
    },
    stop: () => loop.stop(),
    async reset() {
      await database.query(`delete from ${table}`)
    },
  }
}

/** Runs `work` at startup, whenever a row is due, and when woken; a failed run is logged and repeated. */
function deliveryLoop(database: Database, table: string, work: () => Promise<void>, log: Log) {
  let stopping = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  const run = async () => {
    let wait = IDLE_MS
    try {
      await work()
      const [row] = await database.query<{ wait: number | null }>(
        `select (extract(epoch from min(next_attempt_at) - now()) * 1000)::float8 as wait from ${table}`,
      )
      wait = Math.min(IDLE_MS, Math.max(100, row?.wait ?? IDLE_MS))
    } catch (error) {
      log.warn({ err: error }, 'grants: revocations could not be delivered, will retry')
    }
    running = undefined
    schedule(wait)
  }
  const schedule = (wait: number) => {
    if (stopping || running) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      running = run()
    }, wait).unref()
  }
  schedule(0)
  return {
    wake: () => schedule(1_000),
    async stop() {
      stopping = true
      clearTimeout(timer)
      await running
    },
  }
}
