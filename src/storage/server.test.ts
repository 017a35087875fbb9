import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Database, openDatabase } from './database.ts'

const url = process.env.HANDOVER_TEST_DATABASE_URL

describe('a PostgreSQL server', { skip: url === undefined ? 'there is no server to test with' : false }, () => {
  let database: Database
  let other: Database
  before(async () => {
    database = await openDatabase({ kind: 'postgres', url: url ?? '' })
    other = await openDatabase({ kind: 'postgres', url: url ?? '' })
  })
  after(() => Promise.all([database.close(), other.close()]))

  test('a connection lost inside a transaction fails that transaction and nothing else', async () => {
    const cut = database.transaction(async (tx) => {
      const [session] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
      await other.query('select pg_terminate_backend($1, 5000)', [session?.pid])
      await tx.query('select 1')
    })
    await assert.rejects(cut)
    assert.deepEqual(await database.query('select 1 as one'), [{ one: 1 }])
    assert.equal(await database.transaction(async () => 'done'), 'done')
  })

  test('a transaction in which nothing happens is ended by the server', async () => {
    const [setting] = await database.query<{ limit: string }>(
      `select current_setting('idle_in_transaction_session_timeout') as limit`,
    )
    assert.equal(setting?.limit, '15s')
  })
})
