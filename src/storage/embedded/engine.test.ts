import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { hasEnded } from '../../../test/support/process-state.ts'
import { scratchDirectory } from '../../../test/support/scratch.ts'
import { eventually, WAIT_LIMIT_MS } from '../../../test/support/wait.ts'
import { createLog, type Log } from '../../observability/index.ts'
import { type Database, openDatabase } from '../database.ts'
import { lockFile } from '../directory.ts'
import { isStoreAway, StorageError, StoreAwayError } from '../index.ts'
import { EngineStartError, startEngineProcess } from './engine-process.ts'

/** A log that tracks the last process it named as the engine's. */
function engineLog(): { readonly log: Log; readonly entries: Array<Record<string, unknown>>; pid(): number } {
  const entries: Array<Record<string, unknown>> = []
  const log = createLog('test', { destination: { write: (line) => void entries.push(JSON.parse(line)) } })
  const pid = () => {
    const opened = entries.findLast(({ msg }) => msg === 'the embedded database is open')
    return Number(opened?.['engine_pid'])
  }
  return { log, entries, pid }
}

/** Suspends a process, so that requests to it stay unanswered until it is killed. */
function suspend(pid: number): void {
  process.kill(pid, 'SIGSTOP')
}

describe('the embedded engine', () => {
  const scratch = scratchDirectory('engine')
  const { log, entries, pid } = engineLog()
  let database: Database
  before(async () => {
    database = await openDatabase({ kind: 'embedded', dataDir: scratch.path, log, statementLimitMs: WAIT_LIMIT_MS })
    await database.query('create table kept (id integer primary key)')
  })
  after(async () => {
    await database.close()
    scratch.remove()
  })
  const restarted = (old: number) => eventually('it is started again', () => pid() !== old)
  const kept = async () => (await database.query<{ id: number }>('select id from kept order by id')).map(({ id }) => id)
  const ofAnother = () => {
    const path = join(scratch.path, 'of-another')
    mkdirSync(path, { recursive: true })
    return path
  }
  const insert = (id: number) => database.query('insert into kept values ($1)', [id])

  test('runs in a separate process', () => {
    assert.ok(!hasEnded(pid()))
    assert.notEqual(pid(), process.pid)
  })

  test('prepares statements again in the next session, also after one has failed', async () => {
    const echo = { name: 'echo', text: 'select $1::text as echo' }
    assert.deepEqual(await database.query(echo, ['before']), [{ echo: 'before' }])
    // The pool discards a connection on which a statement failed.
    await assert.rejects(database.query(echo, ['a NUL: \u0000']), /invalid byte sequence/)
    assert.deepEqual(await database.query(echo, ['after']), [{ echo: 'after' }])
  })

  test('logs neither statements nor their values', async () => {
    await insert(1)
    await assert.rejects(insert(1), /duplicate key/)
    await assert.rejects(database.query(`select 'a-secret'::integer`), /invalid input syntax/)
    assert.deepEqual(
      entries.filter(({ level }) => level !== 'info'),
      [],
    )
  })

  test('returns an answer of many megabytes completely', async () => {
    const [row] = await database.query<{ text: string }>(`select repeat('0123456789', 1000000) as text`)
    assert.equal(row?.text, '0123456789'.repeat(1_000_000))
  })

  test('is restarted when killed: waiting requests are answered, and acknowledged writes are there', async () => {
    const old = pid()
    await insert(2)
    process.kill(old, 'SIGKILL')
    // Sent before or after its exit is noticed: each one is answered or fails clearly.
    const outcomes = await Promise.allSettled([kept(), kept(), kept()])
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') assert.deepEqual(outcome.value, [1, 2])
      else assert.ok(outcome.reason instanceof StoreAwayError, String(outcome.reason))
    }
    assert.deepEqual(await kept(), [1, 2])
    const said = entries.find(({ msg }) => msg === 'the embedded database stopped and is started again')
    assert.deepEqual([said?.['level'], said?.['why'], said?.['engine_pid']], ['error', 'SIGKILL', old])
  })

  test('fails a statement in progress when it is killed, and the statements behind it wait for the restart', async () => {
    const old = pid()
    suspend(old)
    const underWay = assert.rejects(insert(3), (error) => {
      assert.ok(error instanceof StoreAwayError && isStoreAway(error))
      assert.match(error.message, /the embedded database stopped \(SIGKILL\)/)
      return true
    })
    const behind = [insert(4), database.transaction((tx) => tx.query('insert into kept values (5)'))]
    process.kill(old, 'SIGKILL')
    await underWay
    await Promise.all(behind)
    assert.deepEqual((await kept()).slice(-2), [4, 5])
  })

  test('rolls back a transaction when it is killed during it', async () => {
    const old = pid()
    const failed = database.transaction(async (tx) => {
      await tx.query('insert into kept values (6)')
      process.kill(old, 'SIGKILL')
      await restarted(old)
      await tx.query('insert into kept values (7)')
    })
    await assert.rejects(failed, (error) => {
      assert.ok(error instanceof StoreAwayError)
      assert.match(error.message, /^the embedded database stopped \(SIGKILL\)$/)
      return true
    })
    assert.deepEqual((await kept()).slice(-1), [5])
  })

  test('does not report a transaction as committed that did not notice the kill', async () => {
    const old = pid()
    const failed = database.transaction(async (tx) => {
      await tx.query('insert into kept values (6)')
      process.kill(old, 'SIGKILL')
      await restarted(old)
    })
    await assert.rejects(failed, StoreAwayError)
    assert.deepEqual((await kept()).slice(-1), [5])
  })

  test('reports a commit with a lost answer as one with an unknown outcome', async () => {
    const old = pid()
    const commit = database.transaction(async (tx) => {
      await tx.query('insert into kept values (8)')
      suspend(old)
      setImmediate(() => process.kill(old, 'SIGKILL'))
    })
    await assert.rejects(commit, (error) => {
      assert.ok(error instanceof StoreAwayError)
      assert.match(error.message, /stopped \(SIGKILL\) during a commit: whether it has happened is unknown/)
      return true
    })
    await kept()
  })

  test('fails statements at once while it cannot be reopened, and works again once it can', async () => {
    const [pgdata, aside] = ['pgdata', 'aside'].map((name) => join(scratch.path, name)) as [string, string]
    renameSync(join(pgdata, 'global'), aside)
    process.kill(pid(), 'SIGKILL')
    await eventually('it is reported', () =>
      entries.some(({ msg }) => msg === 'the embedded database cannot be opened'),
    )
    await assert.rejects(kept(), (error) => error instanceof StoreAwayError && /retrying/.test(error.message))
    renameSync(aside, join(pgdata, 'global'))
    assert.equal((await eventually('it is open again', kept))[0], 1)
  })

  test('ends with its server in every case, and releases its directory', async () => {
    const dataDir = ofAnother()
    const { server, engine } = await startServer(dataDir, 'select count(*) from generate_series(1, 100000000000)')
    assert.ok(!hasEnded(engine))
    server.kill('SIGKILL')
    const next = await openDatabase({ kind: 'embedded', dataDir })
    await eventually('its engine has ended', () => hasEnded(engine))
    await assert.rejects(openDatabase({ kind: 'embedded', dataDir }), (error) => {
      assert.ok(error instanceof StorageError)
      assert.match(error.message, /another process has opened .*pgdata/)
      return true
    })
    assert.deepEqual(await next.query('select 1 as one'), [{ one: 1 }])
    await next.close()
  })

  test('locks its directory until it has ended, even after its server has ended', async () => {
    const dataDir = ofAnother()
    const { server, engine } = await startServer(dataDir, 'select 1')
    suspend(engine)
    server.kill('SIGKILL')
    await once(server, 'exit')
    await assert.rejects(openDatabase({ kind: 'embedded', dataDir }), (error) => {
      assert.match((error as Error).message, /another process has opened .*pgdata/)
      return true
    })
    assert.ok(!hasEnded(engine))
    process.kill(engine, 'SIGCONT')
    const next = await openDatabase({ kind: 'embedded', dataDir })
    await eventually('its engine has ended', () => hasEnded(engine))
    await next.close()
  })
  describe('with a time limit for statements', () => {
    const limited = engineLog()
    let impatient: Database
    before(async () => {
      const location = { kind: 'embedded', dataDir: ofAnother(), log: limited.log, statementLimitMs: 15_000 } as const
      impatient = await openDatabase(location)
    })
    after(() => impatient.close())

    test('fails a statement over its time limit, and runs the next one once the engine is free', async () => {
      const old = limited.pid()
      await assert.rejects(impatient.query('select pg_sleep(15.2)'), /timeout/)
      assert.deepEqual(await impatient.query('select 1 as one'), [{ one: 1 }])
      assert.equal(limited.pid(), old)
    })

    test('is ended together with a statement that continues long after its time limit', async () => {
      const old = limited.pid()
      await assert.rejects(impatient.query('select count(*) from generate_series(1, 100000000000)'), /timeout/)
      assert.deepEqual(await impatient.query('select 1 as one'), [{ one: 1 }])
      assert.notEqual(limited.pid(), old)
    })
  })
})

/** A separate server on an embedded database, with a statement in progress, and the pid of its engine. */
async function startServer(dataDir: string, statement: string): Promise<{ server: ChildProcess; engine: number }> {
  const script = `
    import { openDatabase } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)}
    import { createLog } from ${JSON.stringify(new URL('../../observability/index.ts', import.meta.url).href)}
    const database = await openDatabase({ kind: 'embedded', dataDir: ${JSON.stringify(dataDir)}, log: createLog('x') })
    void database.query(${JSON.stringify(statement)})
    setInterval(() => {}, 1000)`
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(server.stdout.setEncoding('utf8'), 'data')
  return { server, engine: Number(JSON.parse(String(line)).engine_pid) }
}

test('a creation over its time limit is ended, and is not reported as a crash', async () => {
  const scratch = scratchDirectory('creation')
  const dataDir = join(scratch.path, 'pgdata')
  // Creation waits for this lock, so it cannot end before its time limit.
  const lock = await lockFile(`${dataDir}.lock`, 0)
  await assert.rejects(startEngineProcess(dataDir, engineLog().log, 1), (error) => {
    assert.ok(error instanceof EngineStartError)
    assert.match(error.message, /cannot create the embedded database in .* \(not within 1 ms\)/)
    assert.equal(error.isCrash, false)
    return true
  })
  lock?.close()
  scratch.remove()
})

test('an in-memory engine that ends fails all later statements, and can be closed', async () => {
  const { log, pid } = engineLog()
  const database = await openDatabase({ kind: 'embedded', dataDir: undefined, log })
  suspend(pid())
  const underWay = assert.rejects(database.query('select 1'), StoreAwayError)
  process.kill(pid(), 'SIGKILL')
  await underWay
  for (const late of [database.query('select 1'), database.transaction(async () => {})]) {
    await assert.rejects(late, (error) => error instanceof StoreAwayError && /stopped \(SIGKILL\)/.test(error.message))
  }
  await database.close()
})
