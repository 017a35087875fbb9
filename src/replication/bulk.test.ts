import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../test/support/database.ts'
import { applicationNumber, sourceOf } from '../../test/support/replication-source.ts'
import { startTargetServer, type TargetServer } from '../../test/support/replication-target.ts'
import { eventually, WAIT_LIMIT_MS } from '../../test/support/wait.ts'
import type { Application } from '../applications/index.ts'
import type { Log } from '../observability/index.ts'
import { migrate } from '../storage/index.ts'
import type { ReplicationProgress } from './delivery-report.ts'
import { createControlPlaneTarget, createIamTarget } from './http-targets.ts'
import { OUTBOX_INDICES_SQL, OUTBOX_SQL, writeEvents } from './outbox.ts'
import { type Replicator, startReplicator } from './replicator.ts'

const SCHEMA = 'bulk_test'
/** Two batches and a half. */
const MANY = 2_500

for (const engine of testDatabases()) {
  describe(`replication of many applications, on ${engine.kind}`, () => {
    let store: TestDatabase
    let iam: TargetServer
    let control: TargetServer
    let running: Replicator | undefined
    let errors: Array<Record<string, unknown>> = []
    const applications = new Map<number, Application>()
    const source = sourceOf(applications, async (id, version) => fill([id], version))

    const fill = async (ids: readonly number[], version = 1) => {
      for (const id of ids) applications.set(id, applicationNumber(id, version))
      await writeEvents(
        SCHEMA,
        store.database,
        ids.map((id) => ({ id, clientId: `client-${id}`, event: 'upsert', version })),
      )
    }
    const first = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
    const note = (line: unknown) => void errors.push(line as Record<string, unknown>)
    const log = { debug() {}, info() {}, warn() {}, error: note } as unknown as Log
    const start = async (onProgress?: (progress: ReplicationProgress) => void, from = source) => {
      const targets = [createIamTarget(iam), createControlPlaneTarget(control)]
      running = await startReplicator({
        ...{ database: store.database, schema: SCHEMA, source: from, targets, log, retryMs: [20, 200] },
        ...(onProgress && { onProgress }),
      })
      return running
    }
    const stop = async () => {
      await running?.stop()
      running = undefined
    }
    const delivered = async () => assert.equal(await running?.whenDelivered(WAIT_LIMIT_MS), true, 'all are delivered')
    const batches = (target: TargetServer) => target.log.filter((line) => line.startsWith('POST'))

    before(async () => {
      store = await engine.open()
      await migrate(store.database, SCHEMA, [{ name: '0001_outbox', sql: OUTBOX_SQL + OUTBOX_INDICES_SQL }])
    })
    after(() => store.close())
    beforeEach(async () => {
      iam = await startTargetServer()
      control = await startTargetServer()
      applications.clear()
      errors = []
      await store.database.query(`delete from ${SCHEMA}.outbox`)
      await store.database.query(`delete from ${SCHEMA}.outbox_leases`)
    })
    afterEach(async () => {
      await stop()
      await Promise.all([iam.stop(), control.stop()])
    })

    test('sends batches, tells how far it is, and tells the control plane what IAM has', async () => {
      await fill(first(MANY))
      const seen: ReplicationProgress[] = []
      await start((progress) => seen.push(progress))
      await delivered()
      assert.deepEqual(batches(iam), ['POST 1000', 'POST 1000', 'POST 500'])
      assert.equal(iam.held.size, MANY)
      assert.ok([...control.held.values()].every(({ iamVersion }) => iamVersion === 1))
      const left = seen.filter(({ target }) => target === 'iam').map((one) => one.left)
      assert.deepEqual([left.find((one) => one > 0), left.at(-1)], [MANY, 0])
    })

    test('names the one application that a target rejects, and delivers all others', async () => {
      iam.reject(77)
      await fill(first(MANY))
      await start()
      await eventually('all others arrive', () => iam.held.size === MANY - 1)
      const line = await eventually('the log names it', () => errors.find(({ id }) => id === 77))
      assert.deepEqual(
        [line['target'], line['client_id'], line['reason']],
        ['iam', 'client-77', 'rejected: is not wanted'],
      )
    })

    test('sends one by one where a batch contains a document that the target fails on', async () => {
      iam.breakOn(77)
      await fill(first(200))
      await start()
      await eventually('all others arrive', () => iam.held.size === 199)
    })

    test('delivers everything but a document that breaks the rules at the source, such as a name of 10 MB', async () => {
      await fill(first(200))
      const spoiled: typeof source = {
        ...source,
        async find(clientIds) {
          const found = new Map<string, Application | string>(await source.find(clientIds))
          if (found.has('client-7')) found.set('client-7', 'name: Too big: expected string to have <=255 characters')
          return found
        },
      }
      await start(undefined, spoiled)
      await eventually('all others arrive', () => iam.held.size === 199 && control.held.size === 199)
      const line = await eventually('the log names it', () => errors.find(({ id }) => id === 7))
      assert.match(String(line['reason']), /^name: Too big/)
    })

    test('delivers a change again if the response to its batch contains no result for it', async () => {
      iam.cutAnswers(10)
      await fill(first(200))
      await start()
      await eventually('a part is confirmed', async () => (await confirmed()) === 10)
      iam.cutAnswers(Number.POSITIVE_INFINITY)
      await delivered()
      assert.equal(await confirmed(), 200)
    })
    const confirmed = async () => {
      const [row] = await store.database.query<{ count: number }>(
        `select count(*)::integer as count from ${SCHEMA}.outbox_deliveries where target = 'iam' and delivered_version = 1`,
      )
      return row?.count
    }

    test('continues after a restart where it was, and sends nothing twice', async () => {
      await fill(first(MANY))
      let part = 0
      await start(({ target, delivered: count }) => {
        if (target === 'iam') part += count
      })
      await eventually('a batch is delivered', () => part > 0)
      await stop()
      await start()
      await delivered()
      const sent = iam.log.filter((line) => line.startsWith('PUT')).length
      assert.equal(sent, MANY, 'a stop waits for the batch in progress')
    })

    test('delivers one by one to a target from before batches, and compares whole lists with it', async () => {
      iam.becomeOlder()
      control.becomeOlder()
      await fill(first(300))
      await start()
      await delivered()
      assert.deepEqual([iam.held.size, control.held.size, batches(iam).length], [300, 300, 0])
      iam.drop(5)
      control.hold({ application: applicationNumber(900, 4), iamVersion: null })
      await running?.reconcileNow()
      await delivered()
      assert.deepEqual([iam.held.has(5), control.held.has(900)], [true, false])
    })

    test('fetches no list while digests agree, and only the range that differs', async () => {
      await fill(first(250))
      await start()
      await delivered()
      await running?.reconcileNow()
      assert.deepEqual([iam.pages, control.pages], [[], []])
      iam.drop(150)
      await running?.reconcileNow()
      await delivered()
      assert.deepEqual([iam.pages, control.pages], [['clients'], []])
      assert.ok(iam.held.has(150))
      assert.equal(iam.log.filter((line) => line.startsWith('PUT')).length, 251)
    })

    test('removes what only the target has between, before and after its own ids', async () => {
      const stray = [1, 150, 5_000]
      await fill(first(250).filter((id) => !stray.includes(id)))
      await start()
      await delivered()
      for (const id of stray) iam.hold({ application: applicationNumber(id, 1), iamVersion: null })
      await running?.reconcileNow()
      assert.deepEqual(
        stray.map((id) => iam.held.has(id)),
        [false, false, false],
      )
    })

    test('does not replicate ids that JSON would change, names them, and delivers all others', async () => {
      await fill(first(20))
      await store.database.query(
        `insert into ${SCHEMA}.outbox (application_id, client_id, event, version) values (9007199254740993, 'large', 'upsert', 1)`,
      )
      await start()
      await delivered()
      assert.equal(iam.held.size, 20)
      await running?.reconcileNow()
      assert.deepEqual(errors.find(({ ids }) => ids !== undefined)?.['ids'], ['9007199254740993'])
    })

    test('delivers everything although the database ends all connections in the middle', {
      skip: engine.kind === 'embedded' && 'an embedded database in memory loses its data with its process',
    }, async () => {
      await fill(first(MANY))
      let cuts = 0
      await start(({ target, delivered: count }) => {
        if (target !== 'iam' || count === 0 || cuts++ > 1) return
        store.database
          .query(
            `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
          )
          .catch(() => {})
      })
      await eventually('all arrive', () => iam.held.size === MANY && control.held.size === MANY)
      const all = await eventually(
        'all are recorded',
        async () => await running?.whenDelivered(WAIT_LIMIT_MS).catch(() => false),
      )
      assert.equal(all, true)
      assert.ok(cuts > 0)
    })
  })
}
