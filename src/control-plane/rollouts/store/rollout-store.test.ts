import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { freshSchema } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { DRAFT, readPlanObject } from '../../../rollouts/index.ts'
import { migrate } from '../../../storage/index.ts'
import { MIGRATIONS } from '../../migrations.ts'
import { RolloutStore } from './rollout-store.ts'

const WRITTEN = {
  ...{ version: 1, name: 'wave', flag: 'proxy_oauth_requests_to_iam_service', environment: 'dev' },
  steps: [{ applications: [1] }],
}

for (const engine of testDatabases()) {
  describe(`the store of rollouts on ${engine.kind}`, () => {
    let opened: TestDatabase
    const schema = freshSchema()
    const rollouts = new RolloutStore(schema)
    before(async () => {
      opened = await engine.open()
      await migrate(opened.database, schema, MIGRATIONS)
    })
    after(() => opened.close())

    test('keeps no forecast that was made for an earlier version of the rollout', async () => {
      const { database } = opened
      const read = readPlanObject(WRITTEN, { now: undefined, allowsShort: true })
      assert.ok('plan' in read)
      const { plan } = read
      const id = await rollouts.insert(database, {
        ...{ written: WRITTEN, plan, course: DRAFT, reason: undefined, by: 'alice' },
      })
      const found = await rollouts.read(database, id)
      assert.ok(found)
      const forecast = { waiting_for: ['Step 1 waits'], at_version: found.version }
      assert.equal(await rollouts.saveForecast(database, found, forecast), true)
      const aborted = await rollouts.save(database, found, { ...DRAFT, state: 'aborted' }, undefined)
      assert.equal(aborted, found.version + 1)
      assert.equal(await rollouts.saveForecast(database, found, { ...forecast, waiting_for: ['Too late'] }), false)
      assert.deepEqual((await rollouts.read(database, id))?.forecast, forecast)
    })
  })
}
