import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type CountedOutcome, FailingGuards, Recording } from './index.ts'

const guards = new FailingGuards()

const outcome = (over: Partial<CountedOutcome> = {}): CountedOutcome => ({
  isFailure: true,
  at: 0,
  grant: 'grant',
  caller: 'caller',
  error: 'invalid_client',
  requestId: 'request',
  ...over,
})

function recordingOf(stream: readonly CountedOutcome[], threshold = 1_000): Recording {
  const recording = new Recording(guards, 0.03, threshold)
  for (const one of stream) recording.record(one, one.at)
  return recording
}

const good = (at: number) => outcome({ isFailure: false, at, grant: `good ${at}`, error: undefined })
const bad = (at: number) => outcome({ at, grant: `bad ${at}`, caller: `caller ${at}`, requestId: `request ${at}` })

test('a failure that another try of its grant recovers counts as if it had succeeded at once', () => {
  const recovered = recordingOf([good(0), bad(1), good(2), bad(3)])
  assert.equal(recovered.revise({ ...bad(1), isFailure: false }, 20_000), true)
  const clean = recordingOf([good(0), good(1), good(2), bad(3)])
  const { evidence, outcomes, failures, grants } = recovered.read()
  assert.deepEqual(
    { evidence, outcomes, failures, grants },
    { evidence: clean.evidence, outcomes: 4, failures: 1, grants: 1 },
  )
})

test('any order of recoveries leads to the evidence of the stream as it ended', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean(), fc.nat(9_000)), { maxLength: 40 }), (stream) => {
      const recording = new Recording(guards, 0.03, Number.POSITIVE_INFINITY)
      let at = 0
      const taken = stream.map(([isFailure, isRecovered, pause], index) => {
        at += pause
        const one = isFailure ? bad(at) : good(at)
        recording.record({ ...one, grant: String(index) }, at)
        const isRevised = isFailure && isRecovered
        if (isRevised) recording.revise({ ...one, grant: String(index), isFailure: false }, at + 1)
        return isFailure && !isRevised
      })
      const plain = new Recording(guards, 0.03, Number.POSITIVE_INFINITY)
      for (const [index, isFailure] of taken.entries()) plain.record(outcome({ isFailure, grant: String(index) }), 0)
      assert.ok(Math.abs(recording.evidence - plain.evidence) <= plain.evidence * 1e-9)
      assert.equal(recording.read().failures, taken.filter(Boolean).length)
      recording.close()
      plain.close()
    }),
  )
})

test('an attempt that has failed stays failed, whatever succeeds later and whatever is recovered', () => {
  const recording = recordingOf([bad(1), bad(2), bad(3)])
  assert.equal(recording.read().hasFailed, true)
  const failedWith = recording.evidence
  recording.revise({ ...bad(3), isFailure: false }, 1_000)
  for (let at = 4; at < 2_000; at++) recording.record(good(at), at)
  assert.equal(recording.read().hasFailed, true)
  assert.equal(recording.evidence, failedWith)
})

test('failures that legacy excuses are taken back, even those with which the attempt would have failed', () => {
  const outage = [1, 2, 3].map((at) => ({ ...bad(at), error: 'status_503' }))
  const recording = recordingOf([good(0), ...outage, bad(4)])
  assert.equal(recording.read().hasFailed, true)
  recording.excuse('unavailable', 5)
  const { hasFailed, evidence, failures, excuse, cause } = recording.read()
  assert.deepEqual(
    { hasFailed, evidence, failures, excuse, cause },
    {
      hasFailed: false,
      evidence: recordingOf([good(0), bad(4)]).evidence,
      failures: 1,
      excuse: { cause: 'unavailable', at: 5 },
      cause: 'invalid_client',
    },
  )
})

test('failures of another cause are not excused, and neither is an attempt that failed a while ago', () => {
  const recording = recordingOf([bad(1), bad(2), bad(3)])
  recording.excuse('unavailable', 5)
  assert.equal(recording.read().hasFailed, true)
  recording.record(bad(70_000), 70_000)
  recording.excuse('invalid_client', 70_001)
  assert.equal(recording.read().hasFailed, true)
})

test('a recovery that comes too late changes nothing, and a failure with no counted try before it counts', () => {
  const recording = recordingOf([bad(0)])
  recording.record(good(70_000), 70_000)
  assert.equal(recording.revise({ ...bad(0), isFailure: false }, 70_001), false)
  assert.equal(recording.read().failures, 1)
  assert.equal(recording.revise(outcome({ grant: 'first tried by a user', at: 60_000 }), 70_002), true)
  assert.equal(recording.read().failures, 2)
  assert.equal(recording.revise(outcome({ grant: 'very old', at: 0 }), 700_000), false)
})

test('500 tries of one grant are one outcome', () => {
  const recording = recordingOf([bad(0)])
  for (let at = 1; at < 500; at++) recording.revise({ ...bad(0), error: 'timed_out' }, at)
  const { outcomes, failures, grants, cause } = recording.read()
  assert.deepEqual({ outcomes, failures, grants, cause }, { outcomes: 1, failures: 1, grants: 1, cause: 'timed_out' })
})

test('a reading names the most frequent error, at most five requests, and counts grants and callers', () => {
  const stream = [1, 2, 3, 4, 5, 6].map((at) => ({ ...bad(at), error: at === 2 ? 'timed_out' : 'invalid_grant' }))
  const { cause, requestIds, grants, callers, knownCallers } = recordingOf([good(0), ...stream]).read()
  assert.deepEqual(requestIds, ['request 2', 'request 3', 'request 4', 'request 5', 'request 6'])
  assert.deepEqual(
    { cause, grants, callers, knownCallers },
    { cause: 'invalid_grant', grants: 6, callers: 6, knownCallers: 2 },
  )
})

test('a stored recording continues where it stood, with its provisional failures', () => {
  const stream = [good(0), bad(1), good(2), bad(3)]
  const stored = JSON.parse(JSON.stringify(recordingOf(stream).save()))
  const continued = new Recording(guards, 0.2, 1_000)
  continued.load(stored)
  const never = recordingOf(stream)
  assert.deepEqual(continued.read(), never.read())
  for (const one of [continued, never]) {
    one.revise({ ...bad(1), isFailure: false }, 10)
    one.record(bad(4), 11)
  }
  assert.deepEqual(continued.read(), never.read())
})

test('a failed attempt is still failed after it was stored', () => {
  const continued = new Recording(guards, 0.03, 1_000)
  continued.load(JSON.parse(JSON.stringify(recordingOf([bad(1), bad(2), bad(3)]).save())))
  assert.equal(continued.read().hasFailed, true)
})
