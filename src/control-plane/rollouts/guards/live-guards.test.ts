import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { freshSchema } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { ROOT } from '../../../../test/support/program.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { type Log, silentLog } from '../../../observability/index.ts'
import type { OutcomeChange } from '../../../outcomes/index.ts'
import { migrate } from '../../../storage/index.ts'
import { loadDefinitions } from '../../flags/definition-files.ts'
import { MIGRATIONS } from '../../migrations.ts'
import { OutcomeBroadcast } from '../../outcomes/outcome-feed.ts'
import { putApplication, removeApplication } from '../../state/application-writes.ts'
import { ChangeFeed } from '../../state/feed.ts'
import { openStore } from '../../state/store.ts'
import { LeaderLease, LostLeadershipError } from '../leadership/leadership.ts'
import { LiveGuards } from './live-guards.ts'
import { counted, failureOf, outcomeOf } from './testing.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const TIMES = { beatMs: 50, leaseMs: 5_000 }
const moved = (over: object = {}) => ({
  ...{ environment: 'production', flag: FLAG, applicationId: 3, reason: 'rollout 1', passOnProbes: false },
  ...over,
})

for (const engine of testDatabases()) {
  describe(`the guards on ${engine.kind}`, () => {
    let opened: TestDatabase
    before(async () => {
      opened = await engine.open()
    })
    after(() => opened.close())

    const running = new Set<() => Promise<void>>()
    afterEach(async () => {
      for (const close of running) await close()
    })

    async function replicaOf(schema: string, log: Log = silentLog, waits = true, mostWaiting?: number) {
      const { database } = opened
      await migrate(database, schema, MIGRATIONS)
      const store = openStore(database, schema)
      const feed = await ChangeFeed.open(
        store,
        { ...loadDefinitions(`${ROOT}/flags`), iamByDefault: new Set() },
        silentLog,
      )
      const leadership = await LeaderLease.join(database, schema, silentLog, TIMES)
      const fail = (error: unknown) => assert.fail(error as Error)
      const outcomes = new OutcomeBroadcast(fail, fail)
      const guards = new LiveGuards({
        store,
        feed,
        leadership,
        outcomes,
        log,
        ...(mostWaiting !== undefined && { mostWaiting }),
      })
      if (waits) await guards.ready()
      const publish = (count: number, make: () => OutcomeChange) => {
        for (let taken = 0; taken < count; taken++) outcomes.publish(make())
      }
      const close = async () => {
        running.delete(close)
        await guards.close()
        await leadership.close()
        await feed.close()
      }
      running.add(close)
      return {
        ...{ store, feed, leadership, guards, close },
        outcomes: (count: number, over: Parameters<typeof outcomeOf>[0] = {}) =>
          publish(count, () => counted(outcomeOf({ at: Date.now(), ...over }))),
        failures: (count: number, over: Parameters<typeof outcomeOf>[0] = {}) =>
          publish(count, () => counted(failureOf({ at: Date.now(), ...over }))),
        /** What the outcomes do about once a second. */
        collect: () => outcomes.collect(),
        acknowledge: () => database.transaction(async (tx) => outcomes.collect()?.(tx)),
        reading: (applicationId = 3) => guards.readings('production', applicationId)[0],
        attempts: () =>
          database.query<{ attempt: number; reason: string; has_ended: boolean }>(
            `select attempt, reason, ended_at is not null as has_ended from ${schema}.guard_attempts order by attempt`,
          ),
      }
    }

    test('a new leader continues where the acknowledged outcomes ended, with the same tolerated rates', async () => {
      const schema = freshSchema()
      const first = await replicaOf(schema)
      const second = await replicaOf(schema)
      first.outcomes(200, { side: 'rails' })
      await first.guards.begin(moved())
      first.outcomes(10)
      first.failures(1)
      await first.acknowledge()
      const before = first.reading()
      const readings = first.guards.readings('production', 3)
      // Not acknowledged: gateways send these again to the new leader.
      first.failures(1)
      assert.deepEqual(second.guards.readings('production'), [])
      assert.deepEqual(await second.guards.storedReadings('production', 3), readings)
      const pooled = await second.guards.storedPooledReadings('production')
      assert.deepEqual(
        pooled.map(({ guard, applications, evidence }) => [guard, applications, evidence]),
        ['cohort', 'global'].map((guard) => [guard, 1, readings[0]?.evidence]),
      )
      await first.close()
      await eventually('the second replica leads', () => second.leadership.isLeader)
      await second.guards.ready()
      assert.deepEqual(second.reading(), before)
      second.failures(1)
      assert.equal(second.reading()?.failures, 2)
    })

    test('a replica that does not lead reads an environment once for concurrent callers', async (t) => {
      const schema = freshSchema()
      const first = await replicaOf(schema)
      const second = await replicaOf(schema)
      for (const applicationId of [3, 4]) await first.guards.begin(moved({ applicationId }))
      const query = t.mock.method(opened.database, 'query')
      const [all, one] = await Promise.all([
        second.guards.storedReadings('production'),
        second.guards.storedReadings('production', 3),
        second.guards.storedPooledReadings('production'),
      ])
      assert.deepEqual(new Set(all.map(({ applicationId }) => applicationId)), new Set([3, 4]))
      assert.deepEqual(
        one,
        all.filter(({ applicationId }) => applicationId === 3),
      )
      const reads = query.mock.calls.filter(({ arguments: [text] }) =>
        String(text).includes(`${schema}.guard_attempts`),
      )
      assert.equal(reads.length, 1)
    })

    test('what was learned on legacy survives, and so does the failure of an attempt that ended', async () => {
      const schema = freshSchema()
      const first = await replicaOf(schema)
      first.outcomes(300, { side: 'rails' })
      await first.guards.begin(moved())
      first.failures(4)
      await first.acknowledge()
      await first.guards.end('production', FLAG, 3)
      await first.close()
      const second = await replicaOf(schema)
      assert.equal(second.reading()?.verdict, 'fail')
      assert.equal(second.guards.judge('production', [3]).do, 'continue')
      await second.guards.begin(moved({ applicationId: 3, flag: 'another flag' }))
      const [again] = second.guards.readings('production', 3)
      assert.ok((again?.toleratedRate ?? 1) < 0.04, `${again?.toleratedRate}`)
    })

    test('an attempt begins again for a new IAM, rotated keys, a registration or a retry, each once, and for nothing else', async () => {
      const replica = await replicaOf(freshSchema())
      const { guards } = replica
      await guards.begin(moved())
      replica.failures(5)
      for (const reason of ['rollout 1', 'rollout 2', 'an unrelated reason']) await guards.begin(moved({ reason }))
      assert.deepEqual([replica.reading()?.attempt, replica.reading()?.verdict], [1, 'fail'])
      await guards.end('production', FLAG, 3)
      await guards.begin(moved({ reason: 'rollout 3' }))
      assert.deepEqual([replica.reading()?.attempt, replica.reading()?.verdict], [1, 'fail'])
      for (const reason of ['retry:1', 'retry:1', 'iam:2.0', 'keys:k2']) await guards.begin(moved({ reason }))
      const { attempt, verdict, threshold } = replica.reading() ?? {}
      assert.deepEqual(
        { attempt, verdict, threshold },
        { attempt: 4, verdict: 'not_enough_evidence', threshold: 8_000 },
      )
      await guards.renew('production', 'iam:older', 0)
      await guards.renew('production', 'iam:2.1', Number.POSITIVE_INFINITY)
      await guards.begin(moved({ reason: 'retry:1' }))
      assert.deepEqual(await replica.attempts(), [
        { attempt: 1, reason: 'rollout 1', has_ended: true },
        { attempt: 2, reason: 'retry:1', has_ended: true },
        { attempt: 3, reason: 'iam:2.0', has_ended: true },
        { attempt: 4, reason: 'keys:k2', has_ended: true },
        { attempt: 5, reason: 'iam:2.1', has_ended: false },
      ])
    })

    test('all open attempts begin again in few transactions, and none does when they cannot be written', async (t) => {
      const { guards, leadership, attempts } = await replicaOf(freshSchema())
      const ids = Array.from({ length: 25 }, (_, index) => index + 1)
      for (const applicationId of ids) await guards.begin(moved({ applicationId }))
      await guards.end('production', FLAG, 25)
      const numbers = () => ids.slice(0, -1).map((id) => guards.readings('production', id)[0]?.attempt)
      const write = t.mock.method(leadership, 'write')
      const fails = () => Promise.reject(new Error('the connection is gone'))
      write.mock.mockImplementationOnce(fails, 1)
      await assert.rejects(guards.renew('production', 'iam:2', Number.POSITIVE_INFINITY), /connection is gone/)
      assert.deepEqual(new Set(numbers()), new Set([1]))
      assert.equal((await attempts()).filter((one) => one.has_ended).length, 1)
      write.mock.resetCalls()
      await guards.renew('production', 'iam:2', Number.POSITIVE_INFINITY)
      assert.equal(write.mock.callCount(), 2)
      assert.deepEqual(new Set(numbers()), new Set([2]))
      const stored = await attempts()
      const open = stored.filter((one) => !one.has_ended)
      assert.deepEqual([stored.length, open.length], [49, 24])
      assert.deepEqual(new Set(open.map(({ attempt, reason }) => `${attempt} ${reason}`)), new Set(['2 iam:2']))
    })

    test('a changed registration begins a new attempt, and a removed application is forgotten', async () => {
      const replica = await replicaOf(freshSchema())
      const application = (version: number) => ({
        ...{ id: 3, client_id: 'client', name: 'App', secret_digest: null, redirect_uris: ['https://app.test/cb'] },
        ...{ scopes: [], confidential: true, trusted: false, version },
      })
      await putApplication(replica.store, application(1), 1)
      await replica.feed.catchUp()
      await replica.guards.begin(moved())
      replica.failures(5)
      assert.equal(replica.reading()?.verdict, 'fail')
      await putApplication(replica.store, application(2), 2)
      await eventually('a second attempt began', () => replica.reading()?.attempt === 2)
      assert.deepEqual(
        (await replica.attempts()).map(({ reason }) => reason),
        ['rollout 1', 'registration:2'],
      )
      await removeApplication(replica.store, 3, 3)
      await eventually('nothing is read of it', () => replica.reading() === undefined)
      await eventually('its attempts ended', async () => (await replica.attempts()).every((one) => one.has_ended))
    })

    test('a registration that cannot be read makes a cohort unknown, is logged once, and stops nothing', async () => {
      const schema = freshSchema()
      await migrate(opened.database, schema, MIGRATIONS)
      await opened.database.query(
        `insert into ${schema}.applications (id, client_id, document, version, is_removed)
          values (3, 'client', '{}', 1, false), (4, 'other', '{"redirect_uris": "x"}', 1, false)`,
      )
      const lines: Array<{ applications?: number[] }> = []
      const log = { ...silentLog, warn: (line: object) => lines.push(line) } as unknown as Log
      const replica = await replicaOf(schema, log)
      await replica.guards.begin(moved())
      replica.failures(5)
      await replica.acknowledge()
      assert.equal(replica.reading()?.verdict, 'fail')
      assert.deepEqual(
        lines.flatMap(({ applications = [] }) => applications),
        [3, 4],
      )
    })

    test('when the stored state cannot be read, outcomes are acknowledged and judged once it can be', async () => {
      const schema = freshSchema()
      const first = await replicaOf(schema)
      await first.guards.begin(moved())
      await first.close()
      const failed = `alter table ${schema}.guard_attempts rename to hidden`
      await opened.database.query(failed)
      const second = await replicaOf(schema, silentLog, false)
      await eventually('outcomes are acknowledged', () =>
        second.acknowledge().then(
          () => true,
          () => false,
        ),
      )
      second.failures(5)
      await second.acknowledge()
      await opened.database.query(`alter table ${schema}.hidden rename to guard_attempts`)
      await eventually('they are judged', () => second.reading()?.verdict === 'fail')
    })

    test('a replica that does not lead begins nothing', async () => {
      const schema = freshSchema()
      await replicaOf(schema)
      const second = await replicaOf(schema)
      await assert.rejects(second.guards.begin(moved()), LostLeadershipError)
      assert.deepEqual(await second.guards.storedReadings('production'), [])
    })

    test('a transaction that fails loses no evidence: it is stored with the next one', async () => {
      const schema = freshSchema()
      const first = await replicaOf(schema)
      await first.guards.begin(moved())
      first.failures(5)
      await assert.rejects(
        opened.database.transaction(async (tx) => {
          await first.collect()?.(tx)
          throw new Error('the connection is gone')
        }),
        /connection is gone/,
      )
      await first.acknowledge()
      await first.close()
      const second = await replicaOf(schema)
      assert.equal(second.reading()?.verdict, 'fail')
    })

    test('outcomes that find no room while the state is read count as lost', async () => {
      const replica = await replicaOf(freshSchema(), silentLog, false, 5)
      replica.outcomes(10, { side: 'rails' })
      await replica.guards.ready()
      await replica.guards.begin(moved())
      replica.outcomes(5)
      const { verdict, sentence } = replica.reading() ?? {}
      assert.equal(verdict, 'not_enough_evidence')
      assert.match(sentence ?? '', /more than 1 % of the outcomes were lost/)
    })

    test('subscribers hear when the level of an application changes', async () => {
      const replica = await replicaOf(freshSchema())
      const told: Array<[string, number]> = []
      const stop = replica.guards.subscribe((environment, id) => told.push([environment, id]))
      await replica.guards.begin(moved())
      replica.outcomes(3)
      assert.deepEqual(told, [])
      replica.failures(6)
      assert.deepEqual(new Set(told.map(String)), new Set(['production,3']))
      stop()
    })
  })
}
