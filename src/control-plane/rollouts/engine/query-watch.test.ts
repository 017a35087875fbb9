import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Rollout } from '../../../rollouts/index.ts'
import type { QueryReading } from '../guards/metric-query.ts'
import { QueryWatch } from './query-watch.ts'

const rolloutOf = (id: number) =>
  ({ id, plan: { queries: [{ name: 'p99', query: 'p99', atMost: 1, atLeast: undefined }] } }) as unknown as Rollout
const reading = (verdict: QueryReading['verdict']): QueryReading => {
  return { guard: 'query:p99', verdict, value: 1, sentence: verdict }
}

/** A server whose answers the test decides. */
function server() {
  const asked: Array<(verdict: QueryReading['verdict']) => void> = []
  const read = () => new Promise<QueryReading>((resolve) => asked.push((verdict) => resolve(reading(verdict))))
  return { asked, read }
}

const verdicts = (watch: QueryWatch, id = 1) => watch.readings(rolloutOf(id)).map(({ verdict }) => verdict)
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('the queries of a plan', () => {
  test('are not enough evidence until the first answer, which wakes the engine', async () => {
    const { asked, read } = server()
    let wakes = 0
    const watch = new QueryWatch(read, () => wakes++, 0)
    assert.deepEqual(verdicts(watch), ['not_enough_evidence'])
    assert.deepEqual(verdicts(watch), ['not_enough_evidence'])
    assert.equal(asked.length, 1)
    asked[0]?.('pass')
    await settled()
    assert.equal(wakes, 1)
    assert.deepEqual(verdicts(watch), ['pass'])
  })

  test('are asked once at a time, and no more often than the schedule says', async () => {
    const { asked, read } = server()
    const watch = new QueryWatch(read, () => {}, 3_600_000)
    verdicts(watch)
    asked[0]?.('fail')
    await settled()
    assert.deepEqual(verdicts(watch), ['fail'])
    assert.equal(asked.length, 1)
  })

  test('of a rollout that has ended are forgotten', async () => {
    const { asked, read } = server()
    const watch = new QueryWatch(read, () => {}, 3_600_000)
    verdicts(watch, 1)
    asked[0]?.('pass')
    await settled()
    watch.keep([{ id: 2 }])
    assert.deepEqual(verdicts(watch, 1), ['not_enough_evidence'])
  })
})
