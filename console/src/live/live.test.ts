import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { ChangeCollector } from './change-collector.ts'
import { EventStreamReader } from './event-stream.ts'
import { messageOf } from './follow.ts'
import { judge } from './live-store.ts'

describe('the reader of the event stream', () => {
  test('joins events that arrive in pieces, and ignores comments and unknown fields', () => {
    const reader = new EventStreamReader()
    assert.deepEqual(reader.read(': heartbeat\n\nid: 7\nevent: chan'), { events: [], retryMs: undefined })
    assert.deepEqual(reader.read('ged\ndata: {"topics":\ndata: []}\nother: x\r').events, [])
    assert.deepEqual(reader.read('\n\nretry: 2000\n\n'), {
      events: [{ event: 'changed', data: '{"topics":\n[]}', id: '7' }],
      retryMs: 2_000,
    })
  })
})

describe('a message of the stream', () => {
  const event = (name: string, data = '') => messageOf({ event: name, data, id: '1' })

  test('names the topics that changed', () => {
    assert.deepEqual(event('changed', '{"topics":["flags","rollouts/12"]}'), {
      kind: 'changed',
      topics: ['flags', 'rollouts/12'],
    })
  })

  test('makes the page read everything again when the topics cannot be read', () => {
    for (const data of ['{"topics"', '{}', 'null']) assert.deepEqual(event('changed', data), { kind: 'reset' })
  })

  test('of a kind that this version does not know is ignored', () => {
    assert.equal(event('weather'), undefined)
    assert.deepEqual(event('session_ended'), { kind: 'session_ended' })
  })
})

describe('the connection', () => {
  test('is stale after five seconds of silence, since it was last heard', () => {
    assert.deepEqual(judge(undefined, 0, 4_999), { kind: 'connecting' })
    assert.deepEqual(judge(undefined, 0, 5_000), { kind: 'stale', since: new Date(0) })
    assert.deepEqual(judge(3_000, 0, 7_999), { kind: 'live' })
    assert.deepEqual(judge(3_000, 0, 8_000), { kind: 'stale', since: new Date(3_000) })
  })
})

describe('the collector of changes', () => {
  test('passes the first change at once, and then each topic at its pace', () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 100_000 })
    try {
      const passed: string[] = []
      const collector = new ChangeCollector((topics) => passed.push(topics.join('+')))
      for (let at = 0; at < 20; at++) {
        collector.add(['flags', 'outcomes'])
        mock.timers.tick(100)
      }
      assert.deepEqual(passed, ['flags+outcomes', 'flags', 'flags'])
      mock.timers.tick(10_000)
      assert.deepEqual(passed.slice(3), ['outcomes'])
    } finally {
      mock.timers.reset()
    }
  })

  test('keeps changes while it is paused', () => {
    const passed: string[] = []
    const collector = new ChangeCollector((topics) => passed.push(topics.join('+')))
    collector.pause(true)
    collector.add(['brake'])
    collector.add(['brake', 'status'])
    assert.deepEqual(passed, [])
    collector.pause(false)
    assert.deepEqual(passed, ['brake+status'])
  })
})
