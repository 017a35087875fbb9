import type { Database } from '../../storage/index.ts'
import { named } from './statements.ts'

/** Work on all that was issued, for clean-up and for tests. */
export interface Maintenance {
  reset(): Promise<void>
  advance(seconds: number): Promise<void>
  purge(): Promise<number>
}

const BATCH = 5_000

/** The first half follows from the second, and is what an index can be asked. */
function overFor(seconds: number): string {
  return `created_at < now() - make_interval(secs => ${seconds})
  and created_at + make_interval(secs => expires_in + ${seconds}) < now()`
}

/**
 * Opens the maintenance of a schema. Purged are: codes and devices an hour after their end, guesses a day after, access tokens without a
 * refresh token a day after theirs, pairs 30 days after they were revoked, so that reuse of a refresh token is
 * seen until then, and security events after 400 days. A pair that can still be refreshed never is. The time is the database's: a replica whose clock runs
 * ahead removes nothing before its time.
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
    agedDevices: aged('device_grants', ['created_at', 'last_polled_at']),
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
      for (const statement of [sql.agedTokens, sql.agedGrants, sql.agedDevices, sql.agedGuesses])
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
        for (let count = BATCH; count === BATCH; total += count) {
          count = (await database.query(statement)).length
        }
      }
      return total
    },
  }
}
