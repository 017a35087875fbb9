import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { freshSchema } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { shareOf } from '../../../rollouts/index.ts'
import { migrate } from '../../../storage/index.ts'
import { MIGRATIONS } from '../../migrations.ts'
import { openStore } from '../../state/store.ts'
import { usualTraffic } from './usual-traffic.ts'

const NOW = Date.parse('2026-11-30T12:00:00Z')
const TWIN = 9

for (const engine of testDatabases()) {
  describe(`the usual traffic on ${engine.kind}`, () => {
    let database: TestDatabase
    before(async () => {
      database = await engine.open()
    })
    after(() => database.close())

    test('counts the flows of an average day in one environment, without those of probe twins', async () => {
      const schema = freshSchema()
      await migrate(database.database, schema, MIGRATIONS)
      const minute = NOW / 60_000 - 12 * 60
      for (const [id, environment, count] of [
        [1, 'staging', 30],
        [2, 'staging', 90],
        [2, 'production', 7],
        [TWIN, 'staging', 500],
      ] as const) {
        await database.database.query(
          `insert into ${schema}.outcome_minutes (minute, application_id, sort, environment, count) values ($1, $2, 0, $3, $4)`,
          [minute, id, environment, count],
        )
      }
      const store = openStore(database.database, schema)
      const traffic = await usualTraffic(store, 'staging', NOW, { isProbe: (id) => id === TWIN })
      assert.deepEqual(
        traffic.flowsPerDay,
        new Map([
          [1, 60],
          [2, 180],
        ]),
      )
      assert.equal(shareOf(traffic, [1]), 0.25)
    })
  })
}
