import { createHash, randomBytes } from 'node:crypto'
import { assertSchemaName, type Database } from '../../storage/index.ts'

/** The signed-in sessions. The store contains digests of their ids. */
export interface SignedInSessions {
  /** Starts a session; returns its id. */
  begin(userId: string): Promise<string>
  /** The user of a session; undefined when it is unknown or has ended. */
  userOf(id: string): Promise<string | undefined>
  end(id: string): Promise<void>
  /** Deletes expired sessions. */
  purge(): Promise<void>
}

const LIFETIME = `interval '7 days'`

/** The signed-in sessions in `schema` of a database; each expires seven days after its last use, to the hour. */
export function databaseSessions(database: Database, schema: string): SignedInSessions {
  assertSchemaName(schema)
  const read = {
    name: `${schema}_session_user`,
    text: `select user_id, expires_at < now() + ${LIFETIME} - interval '1 hour' as aged
      from ${schema}.sessions where id_digest = $1 and expires_at > now()`,
  }
  return {
    async begin(userId) {
      const id = randomBytes(32).toString('base64url')
      await database.query(
        `insert into ${schema}.sessions (id_digest, user_id, expires_at) values ($1, $2, now() + ${LIFETIME})`,
        [digest(id), userId],
      )
      return id
    },
    async userOf(id) {
      const [row] = await database.query<{ user_id: number; aged: boolean }>(read, [digest(id)])
      if (row?.aged) {
        await database.query(`update ${schema}.sessions set expires_at = now() + ${LIFETIME} where id_digest = $1`, [
          digest(id),
        ])
      }
      return row && String(row.user_id)
    },
    async end(id) {
      await database.query(`delete from ${schema}.sessions where id_digest = $1`, [digest(id)])
    },
    async purge() {
      await database.query(`delete from ${schema}.sessions where expires_at < now()`)
    },
  }
}

function digest(id: string): Buffer {
  return createHash('sha256').update(id).digest()
}
