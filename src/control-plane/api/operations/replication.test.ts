import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { testReplicationContract } from '../../../../test/support/replication-contract.ts'
import { call } from '../../../http/index.ts'

for (const engine of testDatabases()) {
  describe(`replication in bulk to the control plane, on ${engine.kind}`, () => {
    testReplicationContract(async () => {
      const store = await engine.open()
      const plane = await startTestControlPlane(store.database)
      const api = `${plane.url}/api/v1`
      return {
        batchUrl: `${api}/applications`,
        digestsUrl: `${api}/application-digests`,
        versionsUrl: `${api}/application-versions`,
        list: 'applications',
        headers: { authorization: `Bearer ${plane.replicationToken}` },
        line: (application) => JSON.stringify({ application, iam_version: null }),
        remove: ({ id }, version) => plane.ask('DELETE', `/api/v1/applications/${id}?version=${version}`),
        async close() {
          await plane.close()
          await store.close()
        },
      }
    })
  })

  describe(`a batch of announcements, on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
    })
    after(async () => {
      await plane.close()
      await store.close()
    })
    const post = (token: string, documents: readonly unknown[]) =>
      call({
        ...{ method: 'POST', url: `${plane.url}/api/v1/applications`, headers: { authorization: `Bearer ${token}` } },
        lines: documents.map((document) => JSON.stringify(document)),
      })

    test('is for replication alone: a person changes applications one by one, with an entry in the audit log', async () => {
      const announcement = { application: testApplication(1), iam_version: null }
      assert.equal((await post(plane.adminToken, [announcement])).status, 403)
      assert.equal((await post(plane.replicationToken, [announcement])).status, 200)
    })

    test('is one change of version for each application, which the control plane routes by at once', async () => {
      const version = async () => (await plane.ask('GET', '/api/v1/status')).json.version
      const before = await version()
      const documents = [11, 12, 13].map((id) => ({ application: testApplication(id), iam_version: 1 }))
      await post(plane.replicationToken, documents)
      assert.equal(await version(), before + 3)
      const { json } = await plane.ask('GET', '/api/v1/applications/13')
      assert.deepEqual([json.arrived, json.iam_version], [true, 1])
      await post(plane.replicationToken, documents)
      assert.equal(await version(), before + 3, 'what is repeated changes nothing')
    })

    test('keeps the version that IAM has confirmed when a later document does not repeat it', async () => {
      await post(plane.replicationToken, [{ application: testApplication(21), iam_version: 1 }])
      await post(plane.replicationToken, [{ application: testApplication(21, { version: 2 }), iam_version: null }])
      const { json } = await plane.ask('GET', '/api/v1/applications/21')
      assert.deepEqual([json.version, json.iam_version, json.arrived], [2, 1, false])
    })
  })
}
