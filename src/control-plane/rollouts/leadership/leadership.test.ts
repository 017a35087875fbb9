import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { blockFor } from '../../../../test/support/block.ts'
import { freshSchema } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { silentLog } from '../../../observability/index.ts'
import { migrate } from '../../../storage/index.ts'
import { MIGRATIONS } from '../../migrations.ts'
import { LeaderLease, LostLeadershipError } from './leadership.ts'

const TIMES = { beatMs: 20, leaseMs: 200 }

for (const engine of testDatabases()) {
  describe(`leadership on ${engine.kind}`, () => {
    let store: TestDatabase
    before(async () => {
      store = await engine.open()
    })
    after(() => store.close())

    async function replicas(count: number) {
      const schema = freshSchema()
      await migrate(store.database, schema, MIGRATIONS)
      await store.database.query(`create table ${schema}.written (fence bigint)`)
      const leases: LeaderLease[] = []
      for (let i = 0; i < count; i++) leases.push(await LeaderLease.join(store.database, schema, silentLog, TIMES))
      return { schema, leases, close: () => Promise.all(leases.map((lease) => lease.close())) }
    }

    test('exactly one of three replicas leads, from the first moment on', async () => {
      const { leases, close } = await replicas(3)
      assert.deepEqual(
        leases.map(({ isLeader }) => isLeader),
        [true, false, false],
      )
      await close()
    })

    test('another replica takes over from a leader that stops beating, with a higher fence, and is notified', async () => {
      const { leases, close } = await replicas(2)
      const [first, second] = leases
      const told: boolean[] = []
      second?.subscribe((isLeader) => told.push(isLeader))
      const fence = first?.fence ?? 0
      first?.abandon()
      await eventually('the second replica leads', () => second?.isLeader)
      assert.ok((second?.fence ?? 0) > fence)
      assert.deepEqual(told, [true])
      await close()
    })

    test('a leader that closes hands over without waiting for its lease to end', async () => {
      const { leases, close } = await replicas(2)
      await leases[0]?.close()
      await eventually('the second replica leads', () => leases[1]?.isLeader)
      await close()
    })

    test('a leader that could not run for longer than its lease leads on with the same term if no other took over', async () => {
      const { leases, close } = await replicas(1)
      const [leader] = leases
      const { term } = leader ?? {}
      assert.ok(term !== undefined)
      const seen: Array<readonly [isLeader: boolean, term: number | undefined]> = []
      leader?.subscribe((isLeader) => seen.push([isLeader, leader.term]))
      blockFor(2 * TIMES.leaseMs)
      assert.deepEqual([leader?.isLeader, leader?.term], [false, term])
      await eventually('it leads again', () => leader?.isLeader)
      assert.ok(
        seen.every(([, held]) => held === term),
        JSON.stringify(seen),
      )
      await close()
    })

    test('a leader that could not run while another took over is notified that its term has ended', async () => {
      const { schema, leases, close } = await replicas(1)
      const [leader] = leases
      const term = leader?.term ?? 0
      const terms: Array<number | undefined> = []
      leader?.subscribe(() => terms.push(leader.term))
      blockFor(2 * TIMES.leaseMs)
      await store.database.query(`update ${schema}.leadership set fence = fence + 1, holder = 'another'`)
      await eventually('it leads in a term of its own', () => leader?.isLeader && (leader.term ?? 0) > term)
      assert.ok(terms.includes(undefined), JSON.stringify(terms))
      assert.equal(terms.at(-1), leader?.term)
      await close()
    })

    test('a write of a leader that was replaced fails and leaves nothing behind', async () => {
      const { schema, leases, close } = await replicas(1)
      const [first] = leases
      const fence = first?.fence ?? 0
      // Another replica takes over while the first still believes in its lease.
      await store.database.query(`update ${schema}.leadership set fence = fence + 1, holder = 'another'`)
      assert.equal(first?.isLeader, true)
      await assert.rejects(
        async () => first?.write((tx) => tx.query(`insert into ${schema}.written values ($1)`, [fence])),
        LostLeadershipError,
      )
      assert.deepEqual(await store.database.query(`select * from ${schema}.written`), [])
      await close()
    })

    test('a replica that does not lead writes nothing', async () => {
      const { schema, leases, close } = await replicas(2)
      await assert.rejects(
        async () => leases[1]?.write((tx) => tx.query(`insert into ${schema}.written values (0)`)),
        LostLeadershipError,
      )
      assert.deepEqual(await store.database.query(`select * from ${schema}.written`), [])
      await close()
    })

    test('a clock of the database that jumps changes nothing', async () => {
      const { schema, leases, close } = await replicas(2)
      const fence = leases[0]?.fence
      for (const jump of ['-5 minutes', '5 minutes']) {
        await store.database.query(`update ${schema}.leadership set renewed_at = renewed_at + interval '${jump}'`)
      }
      const [row] = await store.database.query<{ beats: number }>(`select beats from ${schema}.leadership`)
      await eventually('the leader has renewed its lease several times', async () => {
        const [now] = await store.database.query<{ beats: number }>(`select beats from ${schema}.leadership`)
        return (now?.beats ?? 0) > (row?.beats ?? 0) + 15
      })
      assert.deepEqual([leases[0]?.fence, leases[1]?.isLeader], [fence, false])
      leases[0]?.abandon()
      await store.database.query(`update ${schema}.leadership set renewed_at = now() + interval '5 minutes'`)
      await eventually('the second replica leads', () => leases[1]?.isLeader)
      await close()
    })

    if (engine.kind === 'postgres') {
      test('no replica takes over during a write of the leader, and the leader can renew during it', async () => {
        const { schema, leases, close } = await replicas(2)
        const [first] = leases
        await first?.write(async (tx) => {
          await tx.query(`insert into ${schema}.written values (1)`)
          const renew = `update ${schema}.leadership set beats = beats + 1`
          await store.database.query(renew)
          const take = `update ${schema}.leadership set fence = fence + 1`
          const taken = store.database.transaction(async (other) => {
            await other.query(`set local lock_timeout = '100ms'`)
            await other.query(take)
          })
          await assert.rejects(taken, /lock timeout/)
        })
        await close()
      })
    }
  })
}
