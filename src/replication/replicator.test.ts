import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../test/support/database.ts'
import { applicationNumber as application, sourceOf } from '../../test/support/replication-source.ts'
import { startTargetServer, type TargetServer } from '../../test/support/replication-target.ts'
import { eventually } from '../../test/support/wait.ts'
import type { Application } from '../applications/index.ts'
import { silentLog } from '../observability/index.ts'
import { migrate } from '../storage/index.ts'
import { createControlPlaneTarget, createIamTarget } from './http-targets.ts'
import { enqueue, OUTBOX_INDICES_SQL, OUTBOX_SQL } from './outbox.ts'
import { type Replicator, startReplicator } from './replicator.ts'

const SCHEMA = 'replication_test'
const LIMIT_MS = 15_000

for (const engine of testDatabases()) {
  describe(`replication on ${engine.kind}`, () => {
    let store: TestDatabase
    let iam: TargetServer
    let control: TargetServer
    let replicators: Replicator[] = []
    const applications = new Map<number, Application>()
    const source = sourceOf(applications, (id, version) => write(id, version))

    const start = async (retryMs: readonly [number, number] = [20, 200]) => {
      const replicator = await startReplicator({
        database: store.database,
        schema: SCHEMA,
        source,
        targets: [createIamTarget(iam), createControlPlaneTarget(control)],
        log: silentLog,
        retryMs,
      })
      replicators.push(replicator)
      return replicator
    }
    const stopAll = async () => {
      await Promise.all(replicators.map((replicator) => replicator.stop()))
      replicators = []
    }
    const write = async (id: number, version: number, event: 'upsert' | 'delete' = 'upsert') => {
      if (event === 'delete') applications.delete(id)
      else applications.set(id, application(id, version))
      await store.database.transaction((tx) =>
        enqueue(store.database, SCHEMA, tx, [{ id, clientId: `client-${id}`, event, version }]),
      )
    }
    const delivered = async (replicator: Replicator) =>
      assert.equal(await replicator.whenDelivered(LIMIT_MS), true, 'everything is delivered')

    before(async () => {
      store = await engine.open()
      await migrate(store.database, SCHEMA, [{ name: '0001_outbox', sql: OUTBOX_SQL + OUTBOX_INDICES_SQL }])
    })
    after(() => store.close())
    beforeEach(async () => {
      iam = await startTargetServer()
      control = await startTargetServer()
      applications.clear()
      await store.database.query(`delete from ${SCHEMA}.outbox`)
      await store.database.query(`delete from ${SCHEMA}.outbox_leases`)
    })
    afterEach(async () => {
      await stopAll()
      await Promise.all([iam.stop(), control.stop()])
    })

    test('restores an application that a target remembers as removed, with a version above the removal', async () => {
      const replicator = await start()
      await write(1, 1)
      await delivered(replicator)
      for (const target of [iam, control]) {
        await fetch(
          `${target.url}${target === iam ? '/oauth2/internal/clients/client-1' : '/api/v1/applications/1'}?version=40`,
          {
            method: 'DELETE',
            headers: { 'gitlab-iam-auth-token': target.token },
          },
        )
        assert.equal(target.held.size, 0)
      }
      await write(1, 2)
      await eventually('both have it again', () => iam.held.has(1) && control.held.has(1))
      await delivered(replicator)
      const version = applications.get(1)?.version ?? 0
      assert.ok(version > 40, `version ${version}`)
      assert.equal(iam.held.get(1)?.application.version, version)
      assert.equal(control.held.get(1)?.iamVersion, version, 'what IAM did not store does not count as confirmed')
    })

    test('raises versions from a restored backup above what the target has', async () => {
      const replicator = await start()
      await write(1, 1)
      await delivered(replicator)
      iam.hold({ application: application(1, 9), iamVersion: null })
      await replicator.reconcileNow()
      await delivered(replicator)
      assert.ok((applications.get(1)?.version ?? 0) > 9)
      assert.equal(iam.held.get(1)?.application.version, applications.get(1)?.version)
    })

    test('removes nothing for a source that has lost everything, however little there is', async () => {
      const replicator = await start()
      await write(1, 1)
      await write(2, 1)
      await delivered(replicator)
      applications.clear()
      await store.database.query(`delete from ${SCHEMA}.outbox`)
      await replicator.reconcileNow()
      assert.deepEqual([...iam.held.keys()].sort(), [1, 2])
      assert.deepEqual([...control.held.keys()].sort(), [1, 2])
    })

    test('delivers a change to every target, and tells the control plane what IAM has', async () => {
      const replicator = await start()
      await delivered(replicator)
      await write(1, 1)
      await delivered(replicator)
      assert.equal(iam.held.get(1)?.application.version, 1)
      assert.deepEqual(control.held.get(1), { application: application(1, 1), iamVersion: 1 })
    })

    test('is not delayed by a target that is down, which gets everything once it is up', async () => {
      await iam.stop()
      const replicator = await start()
      await write(1, 1)
      await eventually('the control plane has it', () => control.held.get(1))
      assert.equal(control.held.get(1)?.iamVersion, null)
      await write(1, 2)
      assert.equal(await replicator.whenDelivered(100), false)
      await iam.start()
      await delivered(replicator)
      assert.equal(iam.held.get(1)?.application.version, 2)
      assert.equal(control.held.get(1)?.iamVersion, 2)
    })

    test('delivers after the next start what was committed before a crash', async () => {
      await write(1, 1)
      await write(2, 1)
      await delivered(await start())
      assert.deepEqual([...iam.held.keys()].sort(), [1, 2])
    })

    test('never delivers a change that is rolled back', async () => {
      const replicator = await start()
      const failed = store.database.transaction(async (tx) => {
        await enqueue(store.database, SCHEMA, tx, [{ id: 7, clientId: 'client-7', event: 'upsert', version: 1 }])
        throw new Error('rolled back')
      })
      await assert.rejects(failed, /rolled back/)
      await write(1, 1)
      await delivered(replicator)
      assert.deepEqual([...iam.held.keys()], [1])
    })

    test('never lets an older event undo a newer one', async () => {
      await write(1, 5)
      await store.database.transaction((tx) =>
        enqueue(store.database, SCHEMA, tx, [{ id: 1, clientId: 'client-1', event: 'delete', version: 3 }]),
      )
      await delivered(await start())
      assert.equal(iam.held.get(1)?.application.version, 5)
    })

    test('collapses several changes while a target is down into one delivery', async () => {
      await iam.stop()
      const replicator = await start()
      for (const version of [1, 2, 3, 4]) await write(1, version)
      await iam.start()
      await delivered(replicator)
      assert.deepEqual(iam.log, ['PUT 1 v4'])
    })

    test('delivers a deletion, even to a target that never had the application', async () => {
      const replicator = await start()
      await write(1, 1)
      await delivered(replicator)
      await write(1, 2, 'delete')
      await write(2, 1, 'delete')
      await delivered(replicator)
      assert.equal(iam.held.size + control.held.size, 0)
      assert.ok(iam.log.includes('DELETE 1 v2'))
    })

    test('is not blocked by a rejected document, which is retried', async () => {
      iam.reject(1)
      const replicator = await start()
      await write(1, 1)
      await write(2, 1)
      await eventually('the other one arrives', () => iam.held.get(2))
      const row = await eventually('the attempt is counted', async () => {
        const [delivery] = await store.database.query<{ attempts: number; last_error: string }>(
          `select attempts, last_error from ${SCHEMA}.outbox_deliveries where target = 'iam' and application_id = 1`,
        )
        return (delivery?.attempts ?? 0) >= 1 && delivery
      })
      assert.equal(row.last_error, 'rejected: is not wanted')
      iam.reject()
      await delivered(replicator)
      assert.equal(iam.held.get(1)?.application.version, 1)
    })

    test('is not delayed by a document that the target fails on, which is retried', async () => {
      iam.breakOn(1)
      // A caller that waits for the next run waits for a minute here.
      const replicator = await start([60_000, 60_000])
      await store.database.transaction(async (tx) => {
        for (let id = 1; id <= 40; id++) {
          applications.set(id, application(id, 1))
          await enqueue(store.database, SCHEMA, tx, [{ id, clientId: `client-${id}`, event: 'upsert', version: 1 }])
        }
      })
      await eventually('all others arrive', () => iam.held.size === 39)
      await write(41, 1)
      await eventually('a later one arrives', () => iam.held.has(41))
      await replicator.stop()
      replicators = []
      iam.breakOn()
      await delivered(await start())
      assert.equal(iam.held.get(1)?.application.version, 1)
    })

    test('pauses for a target that fails on every document', async () => {
      iam.breakOn(...Array.from({ length: 60 }, (_, index) => index + 1))
      await store.database.transaction(async (tx) => {
        for (let id = 1; id <= 60; id++) {
          applications.set(id, application(id, 1))
          await enqueue(store.database, SCHEMA, tx, [{ id, clientId: `client-${id}`, event: 'upsert', version: 1 }])
        }
      })
      const replicator = await start([60_000, 60_000])
      await eventually('it has been tried', () => iam.log.length >= 20)
      await replicator.stop()
      replicators = []
      assert.ok(iam.log.length < 40, `${iam.log.length} attempts`)
    })

    test('restores by reconciliation what a target lost, and removes what it should not have', async () => {
      const replicator = await start()
      await write(1, 1)
      await write(2, 1)
      await delivered(replicator)
      iam.drop(1)
      iam.hold({ application: application(9, 4), iamVersion: null })
      await replicator.reconcileNow()
      await delivered(replicator)
      await eventually('the lost one is back', () => iam.held.get(1))
      assert.deepEqual([...iam.held.keys()].sort(), [1, 2])
      await eventually('the control plane still knows what IAM has', () => control.held.get(1)?.iamVersion === 1)
    })

    test('finds by reconciliation a change that bypassed the outbox', async () => {
      const replicator = await start()
      await write(1, 1)
      await delivered(replicator)
      applications.set(1, application(1, 2))
      applications.set(3, application(3, 1))
      await replicator.reconcileNow()
      await delivered(replicator)
      assert.equal(iam.held.get(1)?.application.version, 2)
      assert.equal(iam.held.get(3)?.application.version, 1)
    })

    test('removes nothing when the source appears emptied', async () => {
      for (let id = 1; id <= 12; id++) iam.hold({ application: application(id, 1), iamVersion: null })
      const replicator = await start()
      await delivered(replicator)
      await replicator.reconcileNow()
      assert.equal(iam.held.size, 12)
    })

    test('removes nothing that the outbox knows, either, when the source appears emptied', async () => {
      const replicator = await start()
      for (let id = 1; id <= 12; id++) await write(id, 1)
      await delivered(replicator)
      applications.clear()
      await replicator.reconcileNow()
      await delivered(replicator)
      assert.equal(iam.held.size, 12)
      assert.equal(control.held.size, 12)
      for (let id = 1; id <= 11; id++) applications.set(id, application(id, 1))
      await replicator.reconcileNow()
      await delivered(replicator)
      assert.equal(iam.held.size, 11)
    })

    test('does not resend what a target already has', async () => {
      iam.hold({ application: application(1, 1), iamVersion: null })
      await write(1, 1)
      await delivered(await start())
      assert.deepEqual(iam.log, [])
    })

    test('delivers everything with two replicators on one database, and stops cleanly', async () => {
      const both = await Promise.all([start(), start()])
      for (let id = 1; id <= 150; id++) applications.set(id, application(id, 1))
      await store.database.transaction((tx) =>
        enqueue(
          store.database,
          SCHEMA,
          tx,
          [...applications.values()].map(({ id, client_id, version }) => ({
            id,
            clientId: client_id,
            event: 'upsert' as const,
            version,
          })),
        ),
      )
      for (const replicator of both) await delivered(replicator)
      assert.equal(iam.held.size, 150)
      assert.equal(control.held.get(150)?.iamVersion, 1)
    })

    test('does not take a target that rejects the token for one that has everything', async () => {
      iam.failWith(401)
      const replicator = await start()
      await write(1, 1)
      assert.equal(await replicator.whenDelivered(150), false)
      iam.failWith(undefined)
      await delivered(replicator)
    })
  })
}
