import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { ENVIRONMENTS } from '../../../flags/index.ts'

for (const engine of testDatabases()) {
  describe(`the environments, on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database, { reasonsRequired: ['production'] })
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    test('say whether a change of theirs requires a reason', async () => {
      const { json } = await plane.ask('GET', '/api/v1/environments')
      assert.deepEqual(
        json.environments,
        ENVIRONMENTS.map((environment) => ({ environment, reason_required: environment === 'production' })),
      )
    })
  })
}
