import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { type EmbeddedEngine, openEmbeddedEngine } from './embedded.ts'

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
