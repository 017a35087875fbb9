import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type NoticeRollout, noticeOf, redactedRequestId, sectionsOf, type TimelineEvent } from './notice.ts'

const ROLLOUT: NoticeRollout = {
  ...{
    id: 3,
    name: 'wave-2',
    flag: 'proxy_oauth_requests_to_iam_service',
    environment: 'production',
    state: 'running',
  },
}
const event = (number: number, kind: string, sentence: string, evidence: unknown = {}): TimelineEvent => ({
  ...{
    number,
    kind,
    sentence,
    evidence,
    by: 'engine',
    at: `2026-11-30T08:00:${String(number % 60).padStart(2, '0')}Z`,
  },
})
const READING = {
  ...{ applicationId: 42, guard: 'failures', cause: 'invalid_client', evidence: 1834.2, threshold: 1000 },
  ...{ outcomes: 12, failures: 5, toleratedRate: 0.03 },
  requestIds: ['0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9', 'r2', 'r3', 'r4', 'r5', 'r6'],
}

describe('a message about a rollout', () => {
  test('states the cause, the numbers, the threshold, five shortened request ids and the next step', () => {
    const notice = noticeOf(ROLLOUT, [event(7, 'excluded', 'Application 42 was taken back to rails', [READING])])
    const [section] = sectionsOf(notice ?? assert.fail())
    assert.deepEqual(section, {
      heading: 'Application 42 was taken back to rails',
      tone: 'refused',
      lines: [
        'guard failures of application 42: 5 of 12 flows failed; tolerated are 3 %; evidence 1,834, threshold 1,000; mostly invalid_client',
        'Requests: 0a1b2c3d…, r2, r3, r4, r5',
        "Next: fix the application, then 'handover rollout retry 3 --oauth-application=42 --reason '…''",
        '2026-11-30T08:00:07Z',
      ],
    })
  })

  test('says what a waiting rollout waits for, and until when', () => {
    const waits = 'Waiting: not enough evidence: application 12 has shown 21 outcomes, and 34 are needed, in about 3 h'
    const notice = noticeOf(ROLLOUT, [event(4, 'waiting', waits, { why: [waits] })])
    assert.equal(notice?.subject, `Rollout wave-2 on production: ${waits}`)
    assert.equal(notice?.isUrgent, false)
    assert.equal(notice?.items[0]?.next, "'handover rollout show 3' lists what it waits for")
  })

  test('about a step says what the one before has shown', () => {
    const before = { step: 1, outcomes: 38, failures: 0, readings: [] }
    const notice = noticeOf(ROLLOUT, [event(4, 'step', 'Step 2 of 3: 10 %', { step_before: before })])
    assert.deepEqual(notice?.items[0]?.numbers, ['Step 1 has shown 38 outcomes, 0 of them failures'])
  })

  test('leads with the most important event and keeps the order of time', () => {
    const events = [
      event(1, 'started', 'Alice started it'),
      event(2, 'held', 'It holds because rails fails too'),
      event(3, 'step', 'Step 2 began'),
    ]
    const notice = noticeOf(ROLLOUT, events)
    assert.equal(notice?.subject, 'Rollout wave-2 on production: It holds because rails fails too')
    assert.equal(notice?.isUrgent, true)
    assert.deepEqual(
      notice?.items.map(({ number }) => number),
      [1, 2, 3],
    )
  })

  test('is bounded however many events there are, and says how many it leaves out', () => {
    const events = Array.from({ length: 400 }, (_, index) => event(index + 1, 'waiting', `wait ${index + 1}`))
    const notice = noticeOf(ROLLOUT, [...events, event(401, 'completed', 'All applications are moved')])
    assert.equal(notice?.items.length, 10)
    assert.equal(notice?.leftOut, 391)
    assert.equal(sectionsOf(notice ?? assert.fail()).at(-1)?.heading, '391 more events')
  })

  test('does not exist for events that concern no receiver', () => {
    assert.equal(noticeOf(ROLLOUT, [event(1, 'evidence_noted', 'x')]), undefined)
    assert.equal(noticeOf(ROLLOUT, []), undefined)
  })

  test('survives evidence of any form', () => {
    for (const evidence of [null, 'text', 7, [], { readings: 'none' }, { readings: [{ applicationId: 'x' }, 7] }]) {
      assert.equal(noticeOf(ROLLOUT, [event(1, 'held', 'It holds', evidence)])?.items.length, 1)
    }
  })

  test('links to the rollout where the public address is known', () => {
    const notice = noticeOf(ROLLOUT, [event(1, 'held', 'It holds')], 'https://control.example')
    assert.equal(notice?.url, 'https://control.example/console/rollouts/3')
  })
})

test('a request id is shortened to eight plain characters', () => {
  assert.equal(redactedRequestId('alice@example.com-1234'), 'aliceexa…')
  assert.equal(redactedRequestId('abc'), 'abc')
})
