import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createServerDatabase } from '../../test/support/database.ts'
import { type PgBouncer, type PoolMode, pgbouncer, startPgBouncer } from '../../test/support/pgbouncer.ts'
import { eventually } from '../../test/support/wait.ts'
import { type Database, openDatabase, StorageError } from './index.ts'

const server = process.env['HANDOVER_TEST_DATABASE_URL']
const skip =
  server === undefined ? 'there is no server to test with' : pgbouncer === undefined && 'PgBouncer is not installed'

describe('PostgreSQL behind PgBouncer', { skip }, () => {
  let created: Awaited<ReturnType<typeof createServerDatabase>>
  const poolers: PgBouncer[] = []
  const through = async (mode: PoolMode, settings: Readonly<Record<string, string | number>> = {}) => {
    const pooler = await startPgBouncer(created.url, mode, settings)
    poolers.push(pooler)
    return pooler.url
  }
  before(async () => {
    created = await createServerDatabase(server ?? '')
  })
  after(async () => {
    for (const pooler of poolers) await pooler.stop()
    await created?.remove()
  })

  const IGNORED = { ignore_startup_parameters: 'statement_timeout, idle_in_transaction_session_timeout' }
  for (const [mode, settings] of [
    ['transaction', {}],
    ['transaction', IGNORED],
    ['transaction', { server_round_robin: 1, min_pool_size: 3 }],
    ['statement', {}],
  ] as const) {
    test(`is refused in ${mode} mode with ${JSON.stringify(settings)}, and the message names the setting to change`, async () => {
      const url = await through(mode, settings)
      await assert.rejects(openDatabase({ kind: 'postgres', url }), (error) => {
        assert.ok(error instanceof StorageError)
        assert.match(error.message, /connection pooler in transaction or statement mode.*set pool_mode = session/)
        return true
      })
    })
  }

  test('is refused in session mode with too few connections, and the message names the limit to raise', async () => {
    const url = await through('session', { default_pool_size: 1 })
    await assert.rejects(
      openDatabase({ kind: 'postgres', url }),
      /gave no further connection within 5 s: raise its pool_size/,
    )
  })

  describe('in session mode', () => {
    let database: Database
    before(async () => {
      database = await openDatabase({ kind: 'postgres', url: await through('session', { default_pool_size: 30 }) })
      await database.query('create table kept (id integer primary key)')
    })
    after(() => database?.close())

    test('prepares statements, inside and outside transactions and on shared connections', async () => {
      for (const isBrief of [true, false]) {
        const insert = { name: `insert_${isBrief}`, text: 'insert into kept values ($1)', isBrief }
        const ids = Array.from({ length: 40 }, (_, index) => index + (isBrief ? 0 : 100))
        await Promise.all(ids.map((id) => database.query(insert, [id])))
        await database.transaction((tx) => tx.query(insert, [isBrief ? 1_000 : 2_000]))
      }
      assert.deepEqual(await database.query('select count(*) from kept'), [{ count: 82 }])
    })

    test('receives notifications', async () => {
      const heard: string[] = []
      const stop = await database.listen('pooled', (payload) => heard.push(payload))
      await database.notify('pooled', 'hello')
      await eventually('the notification arrives', () => heard.includes('hello'))
      await stop()
    })

    test('keeps its time limits on every connection', async () => {
      for (const isBrief of [true, false]) {
        const limits = {
          name: `limits_${isBrief}`,
          text: `select current_setting('statement_timeout') as statement,
                        current_setting('idle_in_transaction_session_timeout') as idle`,
          isBrief,
        }
        const rows = await Promise.all(Array.from({ length: 20 }, () => database.query(limits)))
        for (const row of rows) assert.deepEqual(row, [{ statement: '10s', idle: '15s' }])
      }
    })
  })
})
