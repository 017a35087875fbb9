import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OutcomeChange } from '../../outcomes/index.ts'
import { OutcomeBroadcast } from './outcome-feed.ts'

const LOST: OutcomeChange = { kind: 'lost', environment: 'production', count: 3 }

describe('the outcome feed', () => {
  test('a subscriber that throws is reported and keeps no other from a change', () => {
    const faults: unknown[] = []
    const heard: OutcomeChange[] = []
    const feed = new OutcomeBroadcast((error) => faults.push(error))
    feed.subscribe(() => {
      throw new Error('broken')
    })
    const stop = feed.subscribe((change) => heard.push(change))
    feed.publish(LOST)
    stop()
    feed.publish(LOST)
    assert.deepEqual(heard, [LOST])
    assert.equal(faults.length, 2)
  })

  test('what a subscriber stores fails the transaction when it fails', async () => {
    const feed = new OutcomeBroadcast(() => {})
    const stop = feed.storeWith(() => async () => {
      throw new Error('disk full')
    })
    await assert.rejects(feed.collect()({ query: async () => [] }), /disk full/)
    stop()
    await feed.collect()({ query: async () => [] })
  })
})
