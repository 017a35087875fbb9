import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FailingGuards, type GuardSituation, Recording, readGuard } from './index.ts'

const guards = new FailingGuards()

function reading(stream: string, over: Partial<GuardSituation> = {}, toleratedRate = 0.03) {
  const recording = new Recording(guards, toleratedRate, 1_000)
  for (const [at, mark] of [...stream].entries()) {
    const isFailure = mark === 'x'
    const error = isFailure ? 'invalid_client' : undefined
    recording.record({ isFailure, at, grant: String(at), caller: 'c', error, requestId: `r${at}` }, at)
  }
  return readGuard(recording.read(), {
    ...{ applicationId: 7, guard: 'failures', attempt: 1, passBound: 0.1, legacyOutcomes: 200 },
    ...{ hasLosses: false, isStillOnLegacy: false, hasNoBaseline: false },
    ...over,
  })
}
const clean = (count: number) => '.'.repeat(count)

test('a pass names the bound in whole numbers, rounded up', () => {
  const { verdict, level, sentence } = reading(clean(38))
  assert.deepEqual({ verdict, level }, { verdict: 'pass', level: 'quiet' })
  assert.equal(sentence, 'Passed: at most 9 of 100 flows fail, as far as 38 clean ones can tell; 3 % are tolerated.')
})

test('a few clean outcomes are not enough, and the sentence says what must be ruled out', () => {
  const { verdict, sentence } = reading(clean(10))
  assert.equal(verdict, 'not_enough_evidence')
  assert.equal(
    sentence,
    'Not enough evidence: 0 of 10 flows failed; at most 30 of 100 flows fail, as far as 10 clean ones can tell; 10 % must be ruled out.',
  )
})

test('a failed attempt says how many failed, with what, and which threshold was reached', () => {
  const { verdict, level, cause, sentence } = reading('xxx', { legacyOutcomes: 12 })
  assert.deepEqual({ verdict, level, cause }, { verdict: 'fail', level: 'act', cause: 'invalid_client' })
  assert.equal(
    sentence,
    'Failed: 3 of 3 flows failed, most often with invalid_client; 3 % are tolerated (weak baseline); the evidence reached the threshold of 1,000.',
  )
})

test('no outcome is neither a pass nor a failure, and the sentence says where the flows run', () => {
  assert.equal(reading('').verdict, 'not_enough_evidence')
  assert.match(reading('').sentence, /no flow has reached IAM since it was moved/)
  const still = reading('', { isStillOnLegacy: true })
  assert.equal(still.verdict, 'not_enough_evidence')
  assert.match(still.sentence, /moved, but all of its flows still run on credentials of rails/)
  assert.match(reading('', { guard: 'probes' }).sentence, /no probe has run/)
})

test('a guard that lost more than 1 % of the outcomes has not enough evidence, however clean they are', () => {
  const { verdict, sentence } = reading(clean(500), { hasLosses: true })
  assert.equal(verdict, 'not_enough_evidence')
  assert.match(sentence, /more than 1 % of the outcomes were lost/)
})

test('a guard with nothing on legacy to compare with does not judge', () => {
  const { verdict, sentence } = reading('', { guard: 'latency', hasNoBaseline: true })
  assert.equal(verdict, 'not_enough_evidence')
  assert.match(sentence, /too few answers of this application to compare with/)
})

test('suspicion keeps an application from passing, even when the bound would allow it', () => {
  const { verdict, level, sentence } = reading(`${clean(300)}xxxxx`)
  assert.deepEqual({ verdict, level }, { verdict: 'not_enough_evidence', level: 'hold' })
  assert.match(sentence, /Strong suspicion: 5 of 305 flows failed/)
})

test('the other guards use words of their own', () => {
  assert.match(reading('xxxxxxxxx', { guard: 'completion' }, 0.3).sentence, /9 of 9 sign-ins were not completed; 30 %/)
  assert.equal(reading('xxx', { guard: 'latency' }).cause, 'slow')
  assert.match(reading('xxx', { guard: 'shape' }).sentence, /answers had a shape that legacy never showed/)
})
