import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../test/support/database.ts'
import { openDatabase } from './database.ts'
import { StorageError } from './errors.ts'
import { type Migration, migrate } from './migrate.ts'

const first: Migration = { name: '0001_first', sql: 'create table {schema}.things (id bigint primary key);\n' }
const second: Migration = {
  name: '0002_second',
  sql: `
alter table {schema}.things add column colour text;
insert into {schema}.things (id, colour) values (1, 'red');
`,
}
const broken: Migration = { name: '0003_broken', sql: 'create table {schema}.more (id int);\nselect 1 / 0;\n' }

for (const engine of testDatabases()) {
  describe(`migrations on ${engine.kind}`, () => {
    let store: TestDatabase
    before(async () => {
      store = await engine.open()
    })
    after(() => store.close())

    test('run once, ordered by name', async () => {
      const { database } = store
      assert.deepEqual(await migrate(database, 'once', [second, first]), ['0001_first', '0002_second'])
      assert.deepEqual(await migrate(database, 'once', [first, second]), [])
      assert.deepEqual(await database.query('select * from once.things'), [{ id: 1, colour: 'red' }])
    })

    test('of a newer version do not stop an old replica from starting', async () => {
      const { database } = store
      await migrate(database, 'newer', [first, second])
      assert.deepEqual(await migrate(database, 'newer', [first]), [])
    })

    test('run all or not at all, and the error names the one that failed', async () => {
      const { database } = store
      await migrate(database, 'whole', [first])
      await assert.rejects(migrate(database, 'whole', [first, second, broken]), (error: unknown) => {
        assert.ok(error instanceof StorageError)
        assert.equal(error.message, 'migration 0003_broken of schema whole failed')
        return true
      })
      assert.deepEqual(await migrate(database, 'whole', [first, second]), ['0002_second'])
    })

    test('continue from a schema that the former runner migrated', async () => {
      const { database } = store
      await database.query('create schema former')
      await database.query(
        'create table former.migrations (name varchar(255) not null primary key, timestamp varchar(255) not null)',
      )
      await database.query("insert into former.migrations values ('0001_first', '2026-11-23T00:00:00.000Z')")
      await database.query('create table former.things (id bigint primary key)')
      assert.deepEqual(await migrate(database, 'former', [first, second]), ['0002_second'])
    })

    test('wait for a busy table without blocking its users', {
      skip: engine.kind === 'embedded',
    }, async () => {
      await migrate(store.database, 'busy', [first])
      const other = await openDatabase(store.location)
      let migrated: Promise<string[]> | undefined
      await other.transaction(async (tx) => {
        await tx.query('select * from busy.things')
        migrated = migrate(store.database, 'busy', [first, second])
        // Longer than a migration waits for a table: it must have released its lock, so that an ordinary statement
        // succeeds.
        await tx.query('select pg_sleep(2.3)')
        const reader = await openDatabase(store.location)
        await reader.transaction(async (reading) => {
          await reading.query("set local lock_timeout = '1900ms'")
          await reading.query('select * from busy.things')
        })
        await reader.close()
      })
      assert.deepEqual(await migrated, ['0002_second'])
      await other.close()
    })

    test('are run by one of many replicas that start at the same time', {
      skip: engine.kind === 'embedded',
    }, async () => {
      const slow: Migration = { name: '0003_slow', sql: 'select pg_sleep(0.3);\n' }
      const replicas = await Promise.all([1, 2, 3, 4].map(() => openDatabase(store.location)))
      const ran = await Promise.all(replicas.map((each) => migrate(each, 'many', [first, second, slow])))
      assert.deepEqual(ran.map(({ length }) => length).sort(), [0, 0, 0, 3])
      await Promise.all(replicas.map((each) => each.close()))
    })
  })
}
