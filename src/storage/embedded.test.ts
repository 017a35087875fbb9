import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import pg from 'pg'
import { type Database, openDatabase } from './database.ts'
import { type EmbeddedEngine, openEmbeddedEngine } from './embedded.ts'
import { StorageError } from './errors.ts'

describe('a connection to the embedded engine', () => {
  let engine: EmbeddedEngine
  let pool: pg.Pool
  before(async () => {
    engine = await openEmbeddedEngine(undefined)
    pool = new pg.Pool({ max: 1, idleTimeoutMillis: 0, stream: () => engine.connect() as never })
  })
  after(async () => {
    await pool.end()
    await engine.close()
  })
  const echo = (text: string) => pool.query({ name: 'echo', text: 'select $1::text as echo', values: [text] })

  test('prepares its statements anew, also after one has failed', async () => {
    assert.deepEqual((await echo('before')).rows, [{ echo: 'before' }])
    // The pool gives up a connection on which a statement failed.
    await assert.rejects(echo('a NUL: \u0000'), /invalid byte sequence/)
    assert.deepEqual((await echo('after')).rows, [{ echo: 'after' }])
  })

  test('is in no transaction that the one before left open', async () => {
    await pool.query('create table left_open (id integer)')
    const client = await pool.connect()
    await client.query('begin')
    await client.query('insert into left_open values (1)')
    client.release(new Error('given up'))
    assert.deepEqual((await pool.query('select * from left_open')).rows, [])
  })
})

describe('an embedded engine that dies', { timeout: 120_000 }, () => {
  const workers: Worker[] = []
  const onWorker = (worker: Worker) => void workers.push(worker)
  let database: Database
  before(async () => {
    process.on('worker', onWorker)
    database = await openDatabase({ kind: 'embedded', dataDir: undefined, statementLimitMs: 4_000 })
  })
  after(async () => {
    process.off('worker', onWorker)
    await database.close()
  })

  test('a statement over its time limit fails, and the next one works once the engine is free', async () => {
    await assert.rejects(database.query('select pg_sleep(4.5)'), /timeout/)
    assert.deepEqual(await database.query('select 1 as one'), [{ one: 1 }])
  })

  test('fails what is under way and what comes later, says so, and closes', async () => {
    const slow = database.query('select count(*) from generate_series(1, 1000000000)')
    const waiting = database.transaction((tx) => tx.query('select 1'))
    const pending = Promise.allSettled([slow, waiting])
    await database.query('select 1').catch(() => {})
    await workers.at(-1)?.terminate()
    for (const outcome of await pending) assert.equal(outcome.status, 'rejected')
    const lost = await database.lost
    assert.match(lost.message, /the embedded database stopped/)
    for (const late of [database.query('select 1'), database.transaction(async () => {})]) {
      await assert.rejects(late, (error) => error instanceof StorageError && /stopped/.test(error.message))
    }
    await database.close()
  })
})
