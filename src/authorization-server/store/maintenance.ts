import type { Database, Statement } from '../../storage/index.ts'
import { named } from './statements.ts'

/** Operations on all issued credentials, for clean-up and for tests. */
export interface Maintenance {
  reset(): Promise<void>
  advance(seconds: number): Promise<void>
  purge(): Promise<number>
}

const BATCH = 5_000

/** The second half implies the first, which an index can answer. */
function overFor(seconds: number): string {
  return `created_at < now() - make_interval(secs => ${seconds})
  and created_at + make_interval(secs => expires_in + ${seconds}) < now()`
}

/** The maximum number of rows a round removes from one table; the next round continues. */
const MOST_A_ROUND = 200_000
/** The embedded engine has no autovacuum to run after this many removals. */
const WORTH_A_VACUUM = 1_000
const TABLES = ['tokens', 'grants', 'device_grants', 'user_code_guesses', 'security_events'] as const

/**
 * Opens the maintenance of a schema. It purges codes and devices an hour after their end, guesses after a day, access
 * tokens without a refresh token a day after their expiry, pairs 30 days after their revocation (so that reuse of a
 * refresh token is detected until then), and security events after 400 days. It never purges a pair that can still be
 * refreshed. Times are the database's, so a replica with a fast clock removes nothing early. A batch is one short
 * transaction under a lock, so that replicas take turns; a row in use waits for the next round.
 */
export function createMaintenance(database: Database, schema: string): Maintenance {
  const aged = (table: string, columns: readonly string[]) =>
    `update ${schema}.${table} set ${columns.map((column) => `${column} = ${column} - make_interval(secs => $1)`).join(', ')}`
  const purge = (table: string, when: string) =>
    `delete from ${schema}.${table} where ctid = any(array(
  select ctid from ${schema}.${table} where ${when} limit ${BATCH} for update skip locked)) returning 1`
  const sql = named(schema, {
    agedTokens: aged('tokens', ['created_at', 'revoked_at']),
    agedGrants: aged('grants', ['created_at', 'used_at']),
    agedGuesses: aged('user_code_guesses', ['guessed_at']),
    agedDevices: aged('device_grants', ['created_at', 'last_polled_at', 'approved_at']),
    agedEnds: aged('ended_subjects', ['ended_at']),
    // Uses the index even when much is due: a full table scan would evict other tables' pages from memory.
    lockPurge: `select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as taken,
  set_config('enable_seqscan', 'off', true) as planning`,
    purgedGrants: purge('grants', overFor(3_600)),
    purgedDevices: purge('device_grants', overFor(3_600)),
    purgedAccess: purge('tokens', `refresh_hash is null and ${overFor(86_400)}`),
    purgedGuesses: purge('user_code_guesses', `guessed_at < now() - interval '1 day'`),
    purgedPairs: purge('tokens', `revoked_at < now() - interval '30 days'`),
    purgedEvents: purge('security_events', `occurred_at < now() - interval '400 days'`),
  })
  return {
    async reset() {
      await database.query(
        `truncate ${schema}.tokens, ${schema}.grants, ${schema}.device_grants, ${schema}.user_code_guesses`,
      )
    },
    async advance(seconds) {
      for (const statement of [sql.agedTokens, sql.agedGrants, sql.agedDevices, sql.agedGuesses, sql.agedEnds])
        await database.query(statement, [seconds])
    },
    async purge() {
      let total = 0
      const statements = [
        sql.purgedGrants,
        sql.purgedDevices,
        sql.purgedGuesses,
        sql.purgedAccess,
        sql.purgedPairs,
        sql.purgedEvents,
      ]
      for (const statement of statements) {
        for (let removed = 0; removed < MOST_A_ROUND; ) {
          const count = await purgeBatch(database, sql.lockPurge, schema, statement)
          if (count === 'elsewhere') return total
          total += count
          removed += count
          if (count < BATCH) break
        }
      }
      if (database.kind === 'embedded' && total >= WORTH_A_VACUUM) {
        for (const table of TABLES) await database.query(`vacuum (analyze) ${schema}.${table}`)
      }
      return total
    },
  }
}

/** `elsewhere` when another process is already purging. */
function purgeBatch(
  database: Database,
  lock: Statement,
  schema: string,
  statement: Statement,
): Promise<number | 'elsewhere'> {
  return database.transaction(async (tx) => {
    const [taken] = await tx.query<{ taken: boolean }>(lock, [`${schema} purge`])
    return taken?.taken ? (await tx.query(statement)).length : 'elsewhere'
  })
}
