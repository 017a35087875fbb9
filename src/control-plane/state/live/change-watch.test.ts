import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ChangeWatch, type WatchSources } from './change-watch.ts'
import type { Changed } from './topics.ts'

const POLL_MS = 500

/** A watch whose database answers only while it is not held, and whose timers the test moves. */
function watchWithDatabase(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const held: Array<() => void> = []
  const told: Changed[] = []
  const marks = { now: 0, audit_number: 1, outcomes: '', effects: '', rollouts: [] }
  const database = { isHeld: false, reads: 0 }
  const query = async () => {
    database.reads++
    if (database.isHeld) await new Promise<void>((resolve) => held.push(resolve))
    return [{ ...marks }]
  }
  const sources = {
    store: { schema: 'control', database: { query } },
    feed: { subscribe: () => () => {} },
    gateways: { all: async () => [] },
    log: { warn: () => {} },
  }
  const release = () => {
    database.isHeld = false
    for (const resolve of held.splice(0)) resolve()
  }
  const watch = new ChangeWatch(sources as unknown as WatchSources, (changed) => told.push(changed))
  return { watch, database, marks, told, release, tick: () => t.mock.timers.tick(POLL_MS) }
}

/** Lets everything run that does not wait for a timer. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('a watch that starts again while it stops reads once per interval and reports what changes', async (t) => {
  const { watch, database, marks, told, release, tick } = watchWithDatabase(t)
  await watch.start()
  database.isHeld = true
  tick()
  const stopped = watch.stop()
  const started = watch.start()
  release()
  await Promise.all([stopped, started])
  await settled()

  database.reads = 0
  marks.audit_number = 10_000
  tick()
  await settled()
  assert.equal(database.reads, 1, 'one loop reads the marks')
  assert.equal(told.length, 1, 'the marks to compare with are still there')
  await watch.stop()
})
