import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestControlPlane } from '../../../test/support/control-plane.ts'
import { testDatabases } from '../../../test/support/database.ts'
import type { Store } from '../state/store.ts'
import { trafficCounts } from './traffic-counts.ts'

const HOURS = 24
const APPLICATIONS = 5_000

interface Plan {
  readonly Plan: { readonly 'Shared Hit Blocks': number; readonly 'Shared Read Blocks': number }
}

for (const engine of testDatabases().filter(({ kind }) => kind === 'postgres')) {
  test('the hours of one application are looked up, and those of the other applications are not read', async (t) => {
    const { database, close } = await engine.open()
    const plane = await startTestControlPlane(database)
    t.after(async () => {
      await plane.close()
      await close()
    })
    const hour = Math.floor(Date.now() / 3_600_000)
    await database.query(
      `insert into ${plane.schema}.outcome_hours (hour, application_id, sort, environment, count)
        select $1::integer - hour, id, 0, 'production', 2
        from generate_series(1, ${HOURS}) hour, generate_series(1, ${APPLICATIONS}) id`,
      [hour],
    )
    await database.query(`update ${plane.schema}.outcome_store set unsummed_hour = $1`, [hour])
    await database.query(`analyze ${plane.schema}.outcome_hours`)
    const span = { from: (hour - HOURS) * 60, until: hour * 60, step: 60 }
    const blocks: number[] = []
    const explaining = {
      schema: plane.schema,
      database: {
        transaction: async (work: Parameters<Store['database']['transaction']>[0]) =>
          work({
            async query(text: string, values: unknown[]) {
              const explained = `explain (analyze, buffers, format json) ${text}`
              const [row] = await database.query<{ 'QUERY PLAN': readonly Plan[] }>(explained, values)
              const plan = row?.['QUERY PLAN'][0]?.Plan
              blocks.push((plan?.['Shared Hit Blocks'] ?? Number.NaN) + (plan?.['Shared Read Blocks'] ?? 0))
              return database.query(text, values)
            },
          } as Parameters<typeof work>[0]),
      },
    } as unknown as Store
    const counts = await trafficCounts(explaining, 'production', span, { applicationId: 77 })
    assert.deepEqual(
      counts.map(({ slot, count }) => [slot, count]),
      Array.from({ length: HOURS }, (_, slot) => [slot, 2]),
    )
    // Three levels of the index and one page of the table for each hour, and some for the minutes.
    assert.ok((blocks[0] ?? Number.NaN) < HOURS * 12, `${blocks[0]} pages`)
  })
}

for (const engine of testDatabases()) {
  test(`the flows of an environment are counted without those of probe twins on ${engine.kind}`, async (t) => {
    const { database, close } = await engine.open()
    const plane = await startTestControlPlane(database)
    t.after(async () => {
      await plane.close()
      await close()
    })
    const minute = Math.floor(Date.now() / 60_000)
    await database.query(
      `insert into ${plane.schema}.outcome_minutes (minute, application_id, sort, environment, count)
        select $1::integer - 1, id, 0, 'production', 2 from generate_series(1, 4) id`,
      [minute],
    )
    const store = { database, schema: plane.schema } as Store
    const countOf = async (except: readonly number[]) => {
      const counts = await trafficCounts(store, 'production', { from: minute - 5, until: minute, step: 1 }, { except })
      return counts.reduce((sum, { count }) => sum + count, 0)
    }
    assert.equal(await countOf([]), 8)
    assert.equal(await countOf([2, 3]), 4)
  })
}
