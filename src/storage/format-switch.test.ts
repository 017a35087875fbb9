import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../test/support/database.ts'
import { formatSwitch } from './format-switch.ts'
import { type Migration, migrate } from './migrate.ts'

const first: Migration = { name: '0001_first', sql: 'create table {schema}.things (id bigint primary key);\n' }
const second: Migration = { name: '0002_second', sql: 'alter table {schema}.things add column sealed bytea;\n' }
const third: Migration = { name: '0003_third', sql: 'alter table {schema}.things add column colour text;\n' }

for (const engine of testDatabases()) {
  describe(`a form that older replicas cannot read, on ${engine.kind}`, () => {
    let store: TestDatabase
    before(async () => {
      store = await engine.open()
    })
    after(() => store.close())

    test('is written at once where the schema started with it, also after later migrations', async () => {
      const { database } = store
      await migrate(database, 'fresh', [first, second])
      assert.equal(await formatSwitch(database, 'fresh', '0002_second')(), true)
      await migrate(database, 'fresh', [first, second, third])
      assert.equal(await formatSwitch(database, 'fresh', '0002_second')(), true)
    })

    test('is not written on an older schema until its migration is a day old, and from then on in every process', async () => {
      const { database } = store
      await migrate(database, 'older', [first])
      await database.query(`update older.migrations set timestamp = '2026-01-01T00:00:00.000Z'`)
      const mayWrite = formatSwitch(database, 'older', '0002_second')
      assert.equal(await mayWrite(), false, 'before the migration')
      await migrate(database, 'older', [first, second])
      assert.equal(await mayWrite(), false)
      const at = new Date(Date.now() - 25 * 3_600_000).toISOString()
      await database.query(
        `update older.migrations set timestamp = $1 where name = '0002_second'`.replace('$1', `'${at}'`),
      )
      assert.equal(await mayWrite(), true)
      assert.equal(await formatSwitch(database, 'older', '0002_second')(), true)
    })
  })
}
