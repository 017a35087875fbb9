import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { blockFor } from '../../../test/support/block.ts'
import { freshSchema } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { silentLog } from '../../observability/index.ts'
import {
  type Observation,
  type OutcomeBatch,
  type OutcomeChange,
  testObservation,
  writeObservation,
} from '../../outcomes/index.ts'
import { type Database, migrate } from '../../storage/index.ts'
import { MIGRATIONS } from '../migrations.ts'
import { LeaderLease, type Leadership } from '../rollouts/leadership/leadership.ts'
import { OutcomeStore } from './outcome-store.ts'
import { Outcomes } from './outcomes.ts'

const MINUTE = 60_000
const LEASE_MS = 1_500
const hash = (number: number) => number.toString(16).padStart(32, '0')

/** One replica: its lease and its outcomes. */
async function startReplica(database: Database, schema: string) {
  const leadership = await LeaderLease.join(database, schema, silentLog, { beatMs: 50, leaseMs: LEASE_MS })
  const store = new OutcomeStore(database, schema)
  const refused: string[] = []
  let unstored = 0
  const outcomes = await Outcomes.open({
    ...{ store, leadership, log: silentLog, beatMs: 20, lost: () => {}, isProbe: () => false },
    hasApplication: (id) => id < 1_000,
    refused: (why) => refused.push(why),
    unstored: () => unstored++,
  })
  const changes: OutcomeChange[] = []
  outcomes.feed.subscribe((change) => changes.push(change))
  return {
    ...{ schema, leadership, store, outcomes, refused, changes },
    unstored: () => unstored,
    /** Ends as a crash does: nothing more is stored. */
    crash: () => leadership.abandon(),
    close: async () => {
      await outcomes.close()
      await leadership.close()
    },
  }
}

/** A gateway process, which numbers what it observes. */
function gateway(clockAheadMs = 0) {
  const instance = randomUUID()
  let next = 1
  let oldest = 1
  const now = () => Date.now() + clockAheadMs
  const batch = (observations: ReadonlyArray<Partial<Observation>>): OutcomeBatch => {
    const lines = observations.map((one, index) =>
      writeObservation(testObservation({ at: now(), presented: hash(1_000 + next + index), caller: hash(7), ...one })),
    )
    const first = next
    next += lines.length
    return {
      instance,
      environment: 'production',
      first,
      oldest,
      sentAt: now(),
      isComplete: true,
      lines: lines.join('\n'),
    }
  }
  const skip = (count: number) => {
    next += count
    oldest = next
  }
  return { instance, batch, skip }
}

for (const engine of testDatabases()) {
  describe(`outcomes on ${engine.kind}`, () => {
    let held: TestDatabase
    const ends: Array<() => Promise<void>> = []
    before(async () => {
      held = await engine.open()
    })
    after(async () => {
      for (const close of ends) await close()
      await held.close()
    })

    async function freshTables() {
      const schema = freshSchema()
      await migrate(held.database, schema, MIGRATIONS)
      return schema
    }
    const start = async (schema: string) => {
      const replica = await startReplica(held.database, schema)
      ends.push(replica.close)
      return replica
    }
    const open = async () => start(await freshTables())
    const readAll = async (store: OutcomeStore, changes: Partial<Parameters<OutcomeStore['read']>[0]> = {}) => {
      const counts = await store.read({
        ...{ environment: 'production', resolution: 'minute', limit: 10_000 },
        ...{ from: Date.now() - 60 * MINUTE, until: Date.now() + MINUTE, ...changes },
      })
      const sums: Record<string, number> = {}
      for (const { side, kind, cause, count } of counts) {
        const key = `${side} ${kind} ${cause}`
        sums[key] = (sums[key] ?? 0) + count
      }
      return sums
    }

    test('durations are stored with the counts, except those of exchanges that a client or the gateway ended', async () => {
      const { outcomes, schema } = await open()
      const { batch } = gateway()
      await outcomes.take(
        batch([
          { durationMs: 1, side: 'rails' },
          { durationMs: 100, side: 'iam' },
          { durationMs: 109, side: 'iam' },
          { durationMs: 30_000, side: 'iam', trouble: 'timed_out', status: 0 },
          { durationMs: 5, side: 'iam', trouble: 'client_closed', status: 0 },
          { durationMs: 6, side: 'iam', trouble: 'circuit_open', status: 503 },
        ]),
      )
      const read = () =>
        held.database.query(
          `select side, bucket, sum(count)::integer as count from ${schema}.outcome_latencies group by 1, 2 order by 1, 2`,
        )
      await eventually('they are stored', async () => (await read()).length > 0)
      assert.deepEqual(await read(), [
        { side: 0, bucket: 0, count: 1 },
        { side: 1, bucket: 49, count: 1 },
        { side: 1, bucket: 50, count: 1 },
        { side: 1, bucket: 109, count: 1 },
      ])
    })

    test('a batch is acknowledged as stored once its counts are in the database', async () => {
      const one = await open()
      const sender = gateway()
      const receipt = await one.outcomes.take(sender.batch([{}, {}, { status: 503 }]))
      assert.deepEqual(receipt, { next: 4, stored: 0 })
      await eventually('the batch is stored', async () => (await one.outcomes.take(sender.batch([])))?.stored === 4)
      assert.deepEqual(await readAll(one.store), { 'rails refresh success': 2, 'rails refresh server': 1 })
      await one.close()
    })

    test('while a subscriber is not ready, batches are taken and nothing is acknowledged; then all of them are stored', async () => {
      const one = await open()
      const sender = gateway()
      let asked = 0
      let isReady = false
      one.outcomes.feed.storeWith(() => {
        asked++
        return isReady ? undefined : 'not_yet'
      })
      assert.deepEqual(await one.outcomes.take(sender.batch([{}, {}])), { next: 3, stored: 0 })
      await eventually('the subscriber was asked twice', () => asked > 1)
      assert.deepEqual(await one.outcomes.take(sender.batch([{}])), { next: 4, stored: 0 })
      assert.deepEqual(await readAll(one.store), {})
      isReady = true
      await eventually('all are stored', async () => (await one.outcomes.take(sender.batch([])))?.stored === 4)
      assert.deepEqual(await readAll(one.store), { 'rails refresh success': 3 })
      await one.close()
    })

    test('an outcome counts once when the database is lost before a commit, and when it is lost right after one', async () => {
      const one = await open()
      const sender = gateway()
      const write: Leadership['write'] = one.leadership.write.bind(one.leadership)
      const lost = new Error('the connection was lost')
      // In between, each time, the replica asks whether the transaction has happened.
      const losses = ['before the commit', 'never', 'after the commit', 'never']
      const failing: Leadership['write'] = async (work) => {
        const loss = losses.shift()
        const done = await write(async (tx) => {
          const result = await work(tx)
          if (loss === 'before the commit') throw lost
          return result
        })
        if (loss === 'after the commit') throw lost
        return done
      }
      Object.assign(one.leadership, { write: failing })
      await one.outcomes.take(sender.batch([{}, {}]))
      await eventually('the batch is stored', async () => (await one.outcomes.take(sender.batch([])))?.stored === 3)
      assert.deepEqual([losses, await readAll(one.store)], [[], { 'rails refresh success': 2 }])
      await one.close()
    })

    test('a batch that is sent twice, or overlaps with another one, counts once', async () => {
      const one = await open()
      const sender = gateway()
      const first = sender.batch([{}, {}])
      const second = sender.batch([{}])
      const both = { ...first, lines: `${first.lines}\n${second.lines}` }
      for (const batch of [first, first, both, second]) await one.outcomes.take(batch)
      assert.equal(one.changes.filter(({ kind }) => kind === 'counted').length, 3)
      await one.close()
      assert.deepEqual(await readAll(one.store), { 'rails refresh success': 3 })
    })

    test('a gap in the sequence is reported as lost, once', async () => {
      const one = await open()
      const sender = gateway()
      await one.outcomes.take(sender.batch([{}]))
      sender.skip(5)
      const late = sender.batch([{}])
      await one.outcomes.take(late)
      await one.outcomes.take(late)
      assert.deepEqual(
        one.changes.filter(({ kind }) => kind === 'lost'),
        [{ kind: 'lost', environment: 'production', count: 5 }],
      )
      await one.close()
    })

    test('forged lines and unknown applications are refused, and the others are counted', async () => {
      const one = await open()
      const sender = gateway()
      const { lines, ...head } = sender.batch([{}, { applicationId: 5_000 }, { at: Date.now() - 120 * MINUTE }])
      await one.outcomes.take({ ...head, lines: `${lines}\n<script>\n` })
      assert.deepEqual(one.refused, ['unknown_application', 'too_old', 'unreadable', 'unreadable'])
      assert.deepEqual(
        one.changes.map(({ kind }) => kind),
        ['counted'],
      )
      await one.close()
    })

    test('gateways whose clocks are ten minutes apart see one sign-in', async () => {
      const one = await open()
      const [ahead, behind] = [gateway(10 * MINUTE), gateway(-10 * MINUTE)]
      const code = { type: 'code', hash: hash(99), lifetime: 600 } as const
      await one.outcomes.take(
        ahead.batch([{ request: 'authorize', status: 302, isGranted: false, flow: hash(1), issued: [code] }]),
      )
      await one.outcomes.take(behind.batch([{ request: 'authorization_code', presented: hash(99) }]))
      const [change] = one.changes
      assert.ok(change?.kind === 'counted' && change.outcome.cause === 'success')
      assert.ok(Math.abs(change.outcome.at - Date.now()) < MINUTE)
      await one.close()
      assert.deepEqual(await readAll(one.store), { 'rails sign_in success': 1 })
    })

    test('a failure that a later try recovers moves from one cause to the other', async () => {
      const one = await open()
      const sender = gateway()
      await one.outcomes.take(sender.batch([{ presented: hash(5), status: 503 }]))
      await eventually('the failure is stored', async () => (await readAll(one.store))['rails refresh server'] === 1)
      await one.outcomes.take(sender.batch([{ presented: hash(5) }]))
      await one.close()
      assert.deepEqual(await readAll(one.store), { 'rails refresh success': 1 })
      assert.deepEqual(
        one.changes.map(({ kind }) => kind),
        ['counted', 'revised'],
      )
    })

    test('a replica that does not lead hands its batches to the leader', async () => {
      const schema = await freshTables()
      const [leader, other] = [await start(schema), await start(schema)]
      const sender = gateway()
      assert.deepEqual(await other.outcomes.take(sender.batch([{}, {}])), { next: 3, stored: 3 })
      assert.deepEqual((await leader.outcomes.take(sender.batch([{}])))?.next, 4)
      assert.equal(leader.changes.filter(({ kind }) => kind === 'counted').length, 3)
      assert.equal(other.changes.length, 0)
      await other.close()
      await leader.close()
      assert.deepEqual(await readAll(leader.store), { 'rails refresh success': 3 })
      const left = await held.database.query(`select 1 from ${schema}.outcome_batches`)
      assert.equal(left.length, 0)
    })

    test('when the leader ends at any moment, every outcome is counted once by it or its successor', async () => {
      const schema = await freshTables()
      const sender = gateway()
      const sent: OutcomeBatch[] = []
      let [leader, other] = [await start(schema), await start(schema)]
      for (let round = 0; round < 3; round++) {
        for (let number = 0; number < 4; number++) sent.push(sender.batch([{}, {}, {}]))
        for (const batch of sent) await leader.outcomes.take(batch)
        leader.crash()
        const successor = other
        await eventually('the other replica has stored all', async () => {
          const receipt = await successor.outcomes.take(sender.batch([]))
          const next = receipt?.next ?? 1
          for (const batch of sent) if (batch.first >= next) await successor.outcomes.take(batch)
          return successor.leadership.isLeader && receipt?.stored === sent.length * 3 + 1
        })
        await leader.close()
        leader = successor
        other = await start(schema)
      }
      assert.deepEqual(await readAll(leader.store), { 'rails refresh success': 36 })
      await other.close()
      await leader.close()
    })

    test('a leader that could not run for longer than its lease keeps the outcomes that it has not stored', async () => {
      const { leadership, outcomes, store } = await open()
      const sender = gateway()
      await outcomes.take(sender.batch([{}, {}, {}]))
      blockFor(2 * LEASE_MS)
      assert.equal(leadership.isLeader, false)
      const receipt = await outcomes.take(sender.batch([{}]))
      assert.equal(receipt?.next, 5)
      await eventually('all are stored', async () => (await outcomes.take(sender.batch([])))?.stored === 5)
      assert.deepEqual(await readAll(store), { 'rails refresh success': 4 })
    })

    test('what a subscriber stores is stored together with the counts, which are stored without it when it fails', async () => {
      const one = await open()
      const sender = gateway()
      const table = `${one.schema}.subscriber`
      await held.database.query(`create table ${table} (seen integer not null check (seen <> 3))`)
      let seen = 0
      one.outcomes.feed.subscribe(({ kind }) => {
        if (kind === 'counted') seen++
      })
      one.outcomes.feed.storeWith(() => {
        const upTo = seen
        return async (tx) => {
          await tx.query(`insert into ${table} values (0), ($1)`, [upTo])
        }
      })
      const stored = async () =>
        (
          await held.database.query<{ seen: number }>(`select distinct seen from ${table} where seen > 0 order by seen`)
        ).map(({ seen }) => seen)
      const countsOf = async () => (await readAll(one.store))['rails refresh success']
      await one.outcomes.take(sender.batch([{}, {}]))
      await eventually('both are stored', async () => (await countsOf()) === 2)
      assert.deepEqual(await stored(), [2])
      await one.outcomes.take(sender.batch([{}]))
      await eventually('the counts are stored alone', async () => (await countsOf()) === 3)
      assert.deepEqual(await stored(), [2])
      assert.ok(one.unstored() >= 1)
      await one.outcomes.take(sender.batch([{}]))
      await eventually('both are stored again', async () => (await countsOf()) === 4)
      assert.deepEqual(await stored(), [2, 4])
      await one.close()
    })

    test('a leader remembers which clients authenticated and what legacy accepted, also after a restart', async () => {
      const schema = await freshTables()
      const asked = { scope: 8, redirectUri: 9, form: 10 }
      const first = await start(schema)
      const sender = gateway()
      await first.outcomes.take(sender.batch([{ asked, applicationId: 3 }]))
      await first.close()
      const second = await start(schema)
      const atIam = { side: 'iam', applicationId: 3, asked } as const
      await second.outcomes.take(
        sender.batch([
          { ...atIam, status: 401, error: 'invalid_client' },
          { ...atIam, status: 400, error: 'invalid_request' },
          { ...atIam, status: 400, error: 'invalid_request', asked: { ...asked, form: 11 } },
        ]),
      )
      await second.close()
      assert.deepEqual(await readAll(second.store, { side: 'iam' }), {
        'iam refresh server': 2,
        'iam refresh client': 1,
      })
    })

    test('hours are summed up and read like minutes, late outcomes included', async () => {
      const one = await open()
      const sender = gateway()
      const at = Date.now() - 50 * MINUTE
      await one.outcomes.take(sender.batch([{ at }, { at: at - 5 * MINUTE }, {}]))
      await one.close()
      const range = { from: Date.now() - 180 * MINUTE, until: Date.now() + 60 * MINUTE } as const
      const wanted = { 'rails refresh success': 3 }
      assert.deepEqual(await readAll(one.store, { ...range, resolution: 'hour' }), wanted)
      const write = <T>(work: Parameters<Database['transaction']>[0]) => held.database.transaction(work) as Promise<T>
      await one.store.upkeep(async (work) => write(work), Date.now() + 120 * MINUTE)
      assert.deepEqual(await readAll(one.store, { ...range, resolution: 'hour' }), wanted)
      assert.deepEqual(await readAll(one.store, { ...range, resolution: 'hour', applicationId: 1 }), wanted)
      assert.deepEqual(await readAll(one.store, { applicationId: 1 }), wanted)
      assert.deepEqual(await readAll(one.store, { applicationId: 2 }), {})
      await one.store.upkeep(async (work) => write(work), Date.now() + 3 * 1_440 * MINUTE)
      assert.deepEqual(await readAll(one.store), {})
      assert.deepEqual(await readAll(one.store, { ...range, resolution: 'hour' }), wanted)
    })
  })
}
