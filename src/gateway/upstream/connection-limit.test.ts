import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConnectionLimit, type Traffic, type Waiter } from './connection-limit.ts'

const HOUR_MS = 3_600_000

/** A waiter that records its calls. */
function waiter(name: string, heard: string[], onTurn: () => void = () => {}): Waiter {
  return {
    onTurn: () => {
      heard.push(name)
      onTurn()
    },
    onRefusal: (why) => void heard.push(`${name}: ${why}`),
  }
}

function limitOf(options: Partial<ConstructorParameters<typeof ConnectionLimit>[0]> = {}) {
  const limit = new ConnectionLimit({ max: 4, reserved: 1, queueLength: 2, queueMs: HOUR_MS, ...options })
  const heard: string[] = []
  const take = (traffic: Traffic, name = '') => {
    const one = waiter(name, heard)
    return { isTaken: limit.take(traffic, one), leave: () => limit.leave(traffic, one) }
  }
  return { limit, heard, take }
}

describe('connections to an upstream', () => {
  test('each kind leaves its share to the other, and together they stay within the maximum', () => {
    const { limit, take } = limitOf()
    assert.deepEqual(
      Array.from({ length: 4 }, () => take('other').isTaken),
      [true, true, true, false],
    )
    assert.deepEqual(
      Array.from({ length: 2 }, () => take('oauth').isTaken),
      [true, false],
    )
    assert.deepEqual([limit.counts('other').inUse, limit.counts('oauth').inUse], [3, 1])
    for (const [kind, times] of [
      ['other', 4],
      ['oauth', 2],
    ] as const)
      for (let i = 0; i < times; i++) limit.giveBack(kind)
    assert.deepEqual([limit.counts('other').inUse, limit.counts('oauth').inUse], [0, 0])
  })

  test('are granted in the order of the requests', () => {
    const { limit, heard, take } = limitOf({ max: 1, reserved: 0, queueLength: 9 })
    take('oauth')
    const leaving = take('oauth', 'leaves')
    take('other', 'first')
    take('oauth', 'second')
    leaving.leave()
    limit.giveBack('oauth')
    assert.deepEqual(heard, ['first'])
    assert.equal(take('other', 'third').isTaken, false)
    limit.giveBack('other')
    limit.giveBack('oauth')
    assert.deepEqual(heard, ['first', 'second', 'third'])
    limit.giveBack('other')
    assert.equal(take('oauth').isTaken, true)
  })

  test('go to a request of the other kind when the first in the queue has used up its share', () => {
    const { limit, heard, take } = limitOf({ max: 2, reserved: 1 })
    take('other')
    take('oauth')
    take('other', 'other')
    take('oauth', 'oauth')
    limit.giveBack('oauth')
    assert.deepEqual(heard, ['oauth'])
    for (const kind of ['other', 'other', 'oauth'] as const) limit.giveBack(kind)
  })

  test('are refused at once when the queue is full', () => {
    const { limit, heard, take } = limitOf({ max: 1, reserved: 0, queueLength: 1 })
    take('oauth')
    const queued = take('oauth', 'queued')
    take('oauth', 'too many')
    assert.deepEqual(heard, ['too many: full'])
    assert.deepEqual(limit.counts('oauth'), { inUse: 1, queued: 1, refusals: { full: 1, timeout: 0 } })
    queued.leave()
  })

  test('are refused after the waiting time, for each request after its own', async () => {
    const { limit, heard, take } = limitOf({ max: 1, reserved: 0, queueLength: 9, queueMs: 30 })
    take('oauth')
    take('oauth', 'first')
    await new Promise((resolve) => setTimeout(resolve, 15))
    take('oauth', 'second')
    while (heard.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(heard, ['first: timeout', 'second: timeout'])
    assert.deepEqual(limit.counts('oauth'), { inUse: 1, queued: 0, refusals: { full: 0, timeout: 2 } })
  })

  test('that are released at once serve a long queue without deep recursion', () => {
    const limit = new ConnectionLimit({ max: 1, reserved: 0, queueLength: 50_000, queueMs: HOUR_MS })
    const heard: string[] = []
    limit.take('oauth', waiter('', heard))
    for (let i = 0; i < 50_000; i++)
      limit.take(
        'oauth',
        waiter('', heard, () => limit.giveBack('oauth')),
      )
    limit.giveBack('oauth')
    assert.deepEqual([heard.length, limit.counts('oauth').inUse], [50_000, 0])
  })
})
