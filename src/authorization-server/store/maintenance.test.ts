import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { type Database, migrate, type Statement } from '../../storage/index.ts'
import { createApplicationStore } from './applications.ts'
import { createMaintenance } from './maintenance.ts'
import { authorizationMigrations } from './migrations.ts'

for (const engine of testDatabases()) {
  describe(`maintenance of issued credentials on ${engine.kind}`, () => {
    let store: TestDatabase
    before(async () => {
      store = await engine.open()
      await migrate(store.database, 'maintained', authorizationMigrations)
    })
    after(() => store.close())

    /** The tables that the statements of `work` scan in full although an index exists. */
    const readWhole = async (work: (database: Database) => Promise<unknown>): Promise<string[]> => {
      const asked: Array<readonly [string, readonly unknown[]]> = []
      const query = async (statement: Statement | string, values: readonly unknown[] = []) => {
        asked.push([typeof statement === 'string' ? statement : statement.text, values])
        return [{ taken: true }]
      }
      const transaction = (inside: (tx: { query: typeof query }) => unknown) => inside({ query })
      await work({ query, transaction } as unknown as Database)
      assert.notEqual(asked.length, 0)
      return store.database.transaction(async (tx) => {
        await tx.query('set local enable_seqscan = off')
        const found: string[] = []
        for (const [text, values] of asked) {
          for (const row of await tx.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values)) {
            const table = /Seq Scan on (\w+)/.exec(row['QUERY PLAN'])?.[1]
            if (table !== undefined) found.push(table)
          }
        }
        return found
      })
    }

    it('finds what to purge by an index', async () => {
      const purge = (database: Database) => createMaintenance(database, 'maintained').purge()
      assert.deepEqual(await readWhole(purge), [])
    })

    it('leaves the work to another process that is already doing it', {
      skip: engine.kind === 'embedded' && 'it has one session',
    }, async () => {
      await store.database.query(`insert into maintained.grants
  (code_hash, application_id, subject, scopes, redirect_uri, family_id, created_at, expires_in)
values ('\\x01', 1, '1', 'api', '', gen_random_uuid(), now() - interval '1 day', 600)`)
      const maintenance = createMaintenance(store.database, 'maintained')
      await store.database.transaction(async (tx) => {
        await tx.query(`select pg_advisory_xact_lock(hashtextextended('maintained purge', 0))`)
        assert.equal(await maintenance.purge(), 0)
      })
      assert.equal(await maintenance.purge(), 1)
    })

    it('removes more than one batch per round', async () => {
      await store.database.query(`insert into maintained.tokens
  (access_hash, family_id, subject, scopes, created_at, expires_in)
select sha256(convert_to(n::text, 'UTF8')), gen_random_uuid(), '1', 'api', now() - interval '3 days', 600
from generate_series(1, 5001) n`)
      assert.equal(await createMaintenance(store.database, 'maintained').purge(), 5_001)
    })

    it('finds the tokens of a removed application by an index', async () => {
      const remove = (database: Database) =>
        createApplicationStore(database, 'maintained', () => {}).remove('some-client', 1)
      const tables = await readWhole(remove)
      assert.ok(!tables.includes('tokens'), `reads ${tables} whole`)
    })
  })
}
