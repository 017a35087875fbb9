import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OutcomeChange } from '../../outcomes/index.ts'
import { OutcomeBroadcast } from './outcome-feed.ts'

const LOST: OutcomeChange = { kind: 'lost', environment: 'production', count: 3 }

const fail = (error: unknown) => assert.fail(error as Error)

describe('the outcome feed', () => {
  test('a subscriber that throws is reported and keeps no other from a change', () => {
    const faults: unknown[] = []
    const heard: OutcomeChange[] = []
    const feed = new OutcomeBroadcast((error) => faults.push(error), fail)
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

  test('a subscriber that cannot store its state is reported and keeps no other from storing', async () => {
    const faults: Array<[string, boolean]> = []
    const asked: string[] = []
    const tx = {
      query: async (text: unknown) => {
        asked.push(String(text))
        return []
      },
    }
    const feed = new OutcomeBroadcast(fail, (error, isFirst) => faults.push([(error as Error).message, isFirst]))
    feed.storeWith(() => {
      throw new Error('cannot collect')
    })
    const stop = feed.storeWith(() => async () => {
      throw new Error('disk full')
    })
    feed.storeWith(() => async (on) => {
      await on.query('stored')
    })
    await feed.collect()?.(tx)
    await feed.collect()?.(tx)
    stop()
    assert.deepEqual(faults, [
      ['cannot collect', true],
      ['disk full', true],
      ['cannot collect', false],
      ['disk full', false],
    ])
    assert.equal(asked.filter((text) => text === 'stored').length, 2)
    assert.equal(asked.filter((text) => text.startsWith('rollback to')).length, 2)
  })

  test('while a subscriber is not ready, no transaction begins; a lost connection fails the transaction', async () => {
    const feed = new OutcomeBroadcast(fail, fail)
    const stop = feed.storeWith(() => 'not_yet')
    assert.equal(feed.collect(), undefined)
    stop()
    feed.storeWith(() => async () => {
      throw new Error('disk full')
    })
    const gone = {
      query: async (text: unknown) => {
        if (String(text).startsWith('rollback')) throw new Error('connection lost')
        return []
      },
    }
    await assert.rejects(async () => feed.collect()?.(gone), /connection lost/)
  })
})
