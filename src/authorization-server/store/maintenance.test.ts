import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { type Database, migrate, type Statement } from '../../storage/index.ts'
import { createApplicationStore } from './applications.ts'
import { createMaintenance } from './maintenance.ts'
import { authorizationMigrations } from './migrations.ts'

for (const engine of testDatabases()) {
  describe(`work on all that was issued on ${engine.kind}`, () => {
    let store: TestDatabase
    before(async () => {
      store = await engine.open()
      await migrate(store.database, 'maintained', authorizationMigrations)
    })
    after(() => store.close())

    /** The tables that the statements of `work` read whole although an index was there to be used. */
    const readWhole = async (work: (database: Database) => Promise<unknown>): Promise<string[]> => {
      const asked: Array<readonly [string, readonly unknown[]]> = []
      const query = async (statement: Statement | string, values: readonly unknown[] = []) => {
        asked.push([typeof statement === 'string' ? statement : statement.text, values])
        return []
      }
      await work({ query } as unknown as Database)
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

    it('finds what is to be purged by an index', async () => {
      const purge = (database: Database) => createMaintenance(database, 'maintained').purge()
      assert.deepEqual(await readWhole(purge), [])
    })

    it('finds the tokens of a removed application by an index', async () => {
      const remove = (database: Database) =>
        createApplicationStore(database, 'maintained', () => {}).remove('some-client', 1)
      const tables = await readWhole(remove)
      assert.ok(!tables.includes('tokens'), `reads ${tables} whole`)
    })
  })
}
