import type { Database } from '../../storage/index.ts'
import type { StoreScope } from './statements.ts'
import { named } from './statements.ts'

/**
 * Users whose credentials have ended: what was issued to them before is invalid wherever it is looked up, including
 * what an in-flight request stores later. While a user is barred, so is everything issued later.
 */
export interface EndedSubjectStore {
  /** Ends the user's credentials so far and, while `barred`, later ones too. Part of the transaction `within`. */
  end(subject: string, how: { readonly barred: boolean }, within: StoreScope): Promise<void>
  /** Lets a barred user in again; what was issued so far stays invalid. */
  admit(subject: string, within: StoreScope): Promise<void>
  /**
   * Completes a committed end: ends what in-flight requests stored that read before the commit, marks the user's pairs
   * as revoked in batches, and records their number, which it returns.
   */
  sweep(subject: string, now: number): Promise<number>
}

const BATCH = 5_000

/**
 * The condition under which the credential in a row of `table` has ended, for use in a `left join` under the name
 * `ended`. `since` is when the user obtained the credential.
 */
export function hasEnded(schema: string, table: string, since = `${table}.created_at`): string {
  return `${schema}.ended_subjects ended on ended.subject = ${table}.subject and (ended.is_barred or ${since} <= ended.ended_at)`
}

/** Opens the ended users of a schema. */
export function createEndedSubjectStore(database: Database, schema: string): EndedSubjectStore {
  const ended = `${schema}.ended_subjects`
  const sql = named(schema, {
    // Uses the clock, not the start of the transaction: rows that others have stored since must be older than this.
    endSubject: `insert into ${ended} as held (subject, ended_at, is_barred) values ($1, clock_timestamp(), $2)
on conflict (subject) do update set ended_at = greatest(held.ended_at, excluded.ended_at),
  is_barred = held.is_barred or excluded.is_barred`,
    admitSubject: `update ${ended} set is_barred = false, ended_at = clock_timestamp() where subject = $1 and is_barred`,
    completeEnd: `update ${ended} set ended_at = clock_timestamp() where subject = $1`,
    // Skips a pair that is being rotated: its successor is invalid anyway.
    sweepSubject: `update ${schema}.tokens set revoked_at = $2, revoke_reason = 'revoked' where id = any(array(
  select t.id from ${schema}.tokens t join ${hasEnded(schema, 't')}
  where t.subject = $1 and t.revoked_at is null limit ${BATCH} for update of t skip locked)) returning 1`,
    recordEndedSubject: `insert into ${schema}.security_events (kind, subject, tokens_revoked)
values ('user_credentials_ended', $1, $2)`,
  })
  return {
    async end(subject, { barred }, within) {
      await within.query(sql.endSubject, [subject, barred])
    },
    async admit(subject, within) {
      await within.query(sql.admitSubject, [subject])
    },
    async sweep(subject, now) {
      await database.query(sql.completeEnd, [subject])
      let revoked = 0
      for (let batch = BATCH; batch === BATCH; revoked += batch) {
        batch = (await database.query(sql.sweepSubject, [subject, new Date(now)])).length
      }
      await database.query(sql.recordEndedSubject, [subject, revoked])
      return revoked
    },
  }
}
