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

  test('fails only the transaction in progress when a connection is lost inside it', async () => {
    const cut = database.transaction(async (tx) => {
      const [session] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
      await other.query('select pg_terminate_backend($1, 5000)', [session?.pid])
      await tx.query('select 1')
    })
    await assert.rejects(cut)
    assert.deepEqual(await database.query('select 1 as one'), [{ one: 1 }])
    assert.equal(await database.transaction(async () => 'done'), 'done')
  })

  describe('brief statements, which share connections', () => {
    const echo = { name: 'pipelines_test_echo', text: 'select $1::int as n', isBrief: true }
    const divide = { name: 'pipelines_test_divide', text: 'select 10 / $1::int as n', isBrief: true }
    const pidOf = { name: 'pipelines_test_pid', text: 'select pg_backend_pid() as pid', isBrief: true }
    const lock = { name: 'pipelines_test_lock', text: 'select pg_advisory_xact_lock($1)', isBrief: true }
    const manyPids = () => Promise.all(Array.from({ length: 40 }, () => database.query<{ pid: number }>(pidOf)))

    test('each get their own answer, over few connections', async () => {
      const numbers = Array.from({ length: 200 }, (_, index) => index)
      const answers = await Promise.all(numbers.map((n) => database.query<{ n: number }>(echo, [n])))
      assert.deepEqual(
        answers.map(([row]) => row?.n),
        numbers,
      )
      assert.ok(new Set((await manyPids()).map(([row]) => row?.pid)).size <= 4)
    })

    test('fail without affecting others', async () => {
      const divisors = Array.from({ length: 40 }, (_, index) => index % 5)
      const outcomes = await Promise.allSettled(divisors.map((n) => database.query(divide, [n])))
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        divisors.map((n) => (n === 0 ? 'rejected' : 'fulfilled')),
      )
    })

    test('that wait for a lock do not delay the others', async () => {
      let held: Promise<unknown> | undefined
      await other.transaction(async (tx) => {
        await tx.query('select pg_advisory_xact_lock(77)')
        held = database.query(lock, [77])
        for (let n = 0; n < 50; n++) assert.deepEqual(await database.query(echo, [n]), [{ n }])
      })
      await held
    })

    test('fail when their connection is lost; the next statement opens a new one', async () => {
      const pids = [...new Set((await manyPids()).map(([row]) => row?.pid))]
      const kill = { name: 'pipelines_test_kill', text: 'select pg_terminate_backend(pg_backend_pid())', isBrief: true }
      await assert.rejects(database.query(kill))
      const after = [...new Set((await manyPids()).map(([row]) => row?.pid))]
      assert.equal(after.filter((pid) => !pids.includes(pid)).length, 1)
    })
  })

  test('ends a transaction that stays idle', async () => {
    const [setting] = await database.query<{ limit: string }>(
      `select current_setting('idle_in_transaction_session_timeout') as limit`,
    )
    assert.equal(setting?.limit, '15s')
  })
})
