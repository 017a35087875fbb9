import type { Database } from '../../storage/index.ts'
import type { StoreScope } from './statements.ts'
import { named } from './statements.ts'

/**
 * Users whose credentials have ended, all at once: what was issued for them until then is dead wherever it is looked up,
 * also what a request under way still stores; and as long as the user is barred, so is what is issued later.
 */
export interface EndedSubjectStore {
  /** Ends what the user has until now; while `barred`, whatever comes later too. Part of the transaction `within`. */
  end(subject: string, how: { readonly barred: boolean }, within: StoreScope): Promise<void>
  /** Lets a barred user in again: what was issued until now stays dead. */
  admit(subject: string, within: StoreScope): Promise<void>
  /**
   * Completes an end that is committed: whatever a request stores that read before the commit ends too. Marks the user's
   * pairs as revoked, a batch a time, and puts their number on record.
   */
  sweep(subject: string, now: number): Promise<number>
}

const BATCH = 5_000

/**
 * The condition under which the credential in a row of `table` has ended: to be used in `left join`, under the name `ended`.
 * `since` is when the user got the credential.
 */
export function hasEnded(schema: string, table: string, since = `${table}.created_at`): string {
  return `${schema}.ended_subjects ended on ended.subject = ${table}.subject and (ended.is_barred or ${since} <= ended.ended_at)`
}

/** Opens the ended users of a schema. */
export function createEndedSubjectStore(database: Database, schema: string): EndedSubjectStore {
  const ended = `${schema}.ended_subjects`
  const sql = named(schema, {
    // By the clock, not the transaction's beginning: what others have stored since must be older than this.
    endSubject: `insert into ${ended} as held (subject, ended_at, is_barred) values ($1, clock_timestamp(), $2)
on conflict (subject) do update set ended_at = greatest(held.ended_at, excluded.ended_at),
  is_barred = held.is_barred or excluded.is_barred`,
    admitSubject: `update ${ended} set is_barred = false, ended_at = clock_timestamp() where subject = $1 and is_barred`,
    completeEnd: `update ${ended} set ended_at = clock_timestamp() where subject = $1`,
    // A pair that is being rotated is passed over: its successor is dead all the same.
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
