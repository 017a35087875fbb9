import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Rollout } from '../rollout.ts'
import { factsOf, nextOf, planOf, readingOf, rolloutOf } from '../testing.ts'
import { type Decision, decide, type RolloutFacts } from './decide.ts'

const MINUTE = 60_000
const DWELL = 15 * MINUTE
const NOW = Date.parse('2026-11-30T12:00:00Z')
const SHOWN = [readingOf(1, 10), readingOf(2, 10)]
const FAILED = readingOf(1, 9, { failures: 4, level: 'act', verdict: 'fail', cause: 'invalid_client' })

/** At step 1, with its time over and its evidence complete. */
const ready = (more: Partial<Rollout> = {}) => rolloutOf({ elapsedMs: DWELL, ...more })
const shown = (more: Partial<RolloutFacts> = {}) => factsOf({ readings: SHOWN, ...more })
const flag = (more: object) => ({ ...factsOf().flag, ...more })
const together = (scope: 'cohort' | 'step') =>
  ({ do: 'step_back', scope, applications: [1, 2], sentence: 'Both fail together.' }) as const
const pending = { decision: 'rollout-1-6' } as Rollout['pending']
const soaking = (more: Partial<Rollout> = {}) =>
  ready({ step: 3, isSoaking: true, state: 'soaking', elapsedMs: 24 * 60 * MINUTE, ...more })

interface Row {
  readonly name: string
  readonly rollout: Rollout
  readonly facts: RolloutFacts
  readonly does: Decision['do']
  readonly says?: RegExp
  /** More of the decision. */
  readonly is?: (decision: Decision) => unknown
}

/** In the order in which the rules apply: each row breaks one rule, and everything below it would pass. */
const ROWS: readonly Row[] = [
  { name: 'a draft waits for its start', rollout: ready({ state: 'draft' }), facts: shown(), does: 'none' },
  { name: 'an aborted rollout stays as it is', rollout: ready({ state: 'aborted' }), facts: shown(), does: 'none' },
  { name: 'a change that is decided comes first', rollout: ready({ pending }), facts: shown(), does: 'none' },
  {
    name: 'a flag that someone changed holds the rollout and names the person last',
    ...{
      rollout: ready(),
      facts: shown({ flag: flag({ version: 8, changedBy: 'bob' }), brake: { on: true, reason: '' } }),
    },
    ...{ does: 'hold', says: /^Held: the flag \w+ in dev was changed by bob; resume continues from there$/ },
  },
  {
    name: 'a flag that someone removed holds the rollout',
    ...{
      rollout: ready(),
      facts: shown({ flag: flag({ version: 0, state: null }) }),
      does: 'hold',
      says: /was removed by someone/,
    },
  },
  {
    name: 'a flag that has lost its definition holds the rollout',
    ...{
      rollout: ready(),
      facts: shown({ flag: flag({ isDefined: false }) }),
      does: 'hold',
      says: /has no definition/,
    },
  },
  {
    name: 'the brake pauses the rollout, whatever the guards say',
    ...{ rollout: ready(), facts: shown({ brake: { on: true, reason: 'smoke' }, judgement: together('step') }) },
    ...{ does: 'pause', says: /the brake is on: smoke/ },
  },
  {
    name: 'a failure of many applications goes back a step',
    ...{
      rollout: ready(),
      facts: shown({ judgement: together('step') }),
      does: 'step_back',
      says: /goes back to step 0/,
    },
  },
  {
    name: 'a failure of many applications sets the brake where the plan says so',
    ...{
      rollout: ready({ plan: planOf({ on_global_failure: 'brake' }) }),
      facts: shown({ judgement: together('step') }),
    },
    ...{ does: 'step_back', says: /sets the brake/ },
  },
  {
    name: 'a query that fails goes back a step',
    rollout: ready(),
    facts: shown({
      queries: [{ guard: 'query:p99', verdict: 'fail', value: 3, sentence: 'Failed: the query p99 is 3.' }],
    }),
    ...{ does: 'step_back', says: /^Failed: the query p99 is 3; the rollout goes back to step 0 and is held$/ },
  },
  {
    name: 'a query that fails while legacy fails holds only',
    rollout: ready(),
    facts: shown({
      judgement: { do: 'hold', sentence: 'Legacy fails too.' },
      queries: [{ guard: 'query:p99', verdict: 'fail', value: 3, sentence: 'Failed.' }],
    }),
    ...{ does: 'hold', says: /Legacy fails too/ },
  },
  {
    name: 'a failing application is excluded',
    ...{ rollout: ready(), facts: shown({ judgement: { do: 'exclude', readings: [FAILED] } }), does: 'exclude' },
    is: (decision) =>
      decision.do === 'exclude' && decision.exclusions.map((each) => each.application_id).join() === '1',
  },
  {
    name: 'a failing cohort is excluded as a whole',
    ...{ rollout: ready(), facts: shown({ judgement: together('cohort') }), does: 'exclude' },
    is: (decision) => decision.do === 'exclude' && decision.exclusions.length === 2,
  },
  {
    name: 'a reported problem excludes its application',
    rollout: ready(),
    facts: shown({ problems: [{ id: 1, applicationId: 2, reason: 'a blank page', reportedBy: 'eve' }] }),
    ...{ does: 'exclude', says: /eve reported a problem: a blank page/ },
  },
  {
    name: 'a paused rollout still takes failing applications back',
    ...{ rollout: ready({ state: 'paused' }), facts: shown({ judgement: { do: 'exclude', readings: [FAILED] } }) },
    does: 'exclude',
  },
  {
    name: 'more exclusions than the plan accepts hold the rollout',
    rollout: ready({
      plan: planOf({ exclude: { at_most: 0 } }),
      excluded: [{ application_id: 2, guard: 'failures', cause: null, sentence: '', at: '' }],
    }),
    ...{ facts: shown(), does: 'hold', says: /1 application was taken back, and the plan accepts at most 0/ },
  },
  {
    name: 'a failed pipeline holds the rollout',
    ...{
      rollout: ready(),
      facts: shown({ failedPipelines: ['the tests failed'] }),
      does: 'hold',
      says: /the tests failed/,
    },
    is: (decision) => decision.do === 'hold' && !decision.switchesOff,
  },
  {
    name: 'a failed pipeline on staging also switches the flag off',
    rollout: ready({ plan: planOf({ environment: 'staging' }) }),
    ...{ facts: shown({ failedPipelines: ['the tests failed'] }), does: 'hold' },
    is: (decision) => decision.do === 'hold' && decision.switchesOff,
  },
  {
    name: 'strong evidence holds the rollout before it suffices to act',
    ...{ rollout: ready(), facts: shown({ judgement: { do: 'hold', sentence: 'Application 1 is suspected.' } }) },
    does: 'hold',
  },
  {
    name: 'a hold by the guards ends by itself',
    rollout: ready({ state: 'held', hold: { kind: 'guards', sentence: '' } }),
    ...{ facts: shown(), does: 'release' },
  },
  ...(['failure', 'flag', 'exclusions', 'pipeline', 'drill'] as const).map(
    (kind): Row => ({
      name: `a hold of kind ${kind} waits for a person`,
      rollout: ready({ state: 'held', hold: { kind, sentence: '' } }),
      ...{ facts: shown(), does: 'none' },
    }),
  ),
  { name: 'a paused rollout waits for a person', rollout: ready({ state: 'paused' }), facts: shown(), does: 'none' },
  {
    name: 'a missed guard drill holds the rollout',
    ...{
      rollout: ready(),
      facts: shown({ missedDrill: 'the guard drill missed' }),
      does: 'hold',
      says: /drill missed/,
    },
  },
  {
    name: 'suspicion keeps a step from passing',
    ...{
      rollout: ready(),
      facts: shown({ readings: [...SHOWN, readingOf(1, 10, { level: 'suspect', sentence: 'Suspicion.' })] }),
    },
    ...{ does: 'wait', says: /Suspicion/ },
  },
  {
    name: 'the dwell time keeps a step from passing',
    ...{ rollout: ready({ elapsedMs: DWELL - 1 }), facts: shown(), does: 'wait', says: /step 1 lasts .* longer/ },
  },
  {
    name: 'missing evidence keeps a step from passing',
    ...{ rollout: ready(), facts: factsOf({ readings: [SHOWN[0] ?? FAILED] }) },
    ...{ does: 'wait', says: /application 2 has shown no outcome, and 10 are needed/ },
  },
  {
    name: 'an application that was removed has nothing left to show',
    ...{
      rollout: ready(),
      facts: factsOf({ readings: [readingOf(1, 10)], exists: (id) => id === 1 }),
      does: 'advance',
    },
  },
  {
    name: 'a query without an answer keeps a step from passing',
    rollout: ready(),
    facts: shown({
      queries: [{ guard: 'query:p99', verdict: 'not_enough_evidence', value: undefined, sentence: 'No answer.' }],
    }),
    ...{ does: 'wait', says: /No answer/ },
  },
  {
    name: 'a person can waive time and evidence',
    ...{ rollout: ready({ elapsedMs: 0, waiver: { step: 1, by: 'ann' } }), facts: factsOf(), does: 'advance' },
  },
  {
    name: 'a date keeps the next step back',
    rollout: ready({
      plan: planOf({ steps: [{ applications: [1] }, { percentage: 50, not_before: '2026-11-30T12:00:01Z' }] }),
    }),
    ...{ facts: shown(), does: 'wait', says: /does not begin before 2026-11-30T12:00:01/ },
  },
  {
    name: 'an approval that is missing keeps the next step back',
    rollout: ready({ plan: planOf({ steps: [{ applications: [1] }, { percentage: 50, approval: 'required' }] }) }),
    ...{ facts: shown(), does: 'wait', says: /must approve step 2/ },
  },
  {
    name: 'a watch that is missing keeps the next step back',
    rollout: ready({ plan: planOf({ watch: { acknowledge: 'required' } }) }),
    ...{ facts: shown(), does: 'wait', says: /watch for two hours/ },
  },
  {
    name: 'an application with much traffic moves by name only',
    ...{
      rollout: ready(),
      facts: shown({ next: nextOf({ namedOnly: [3] }) }),
      does: 'wait',
      says: /moves by name only/,
    },
  },
  {
    name: 'the budget keeps the next step back',
    rollout: ready({ plan: planOf({ budget: { flows: 8 } }) }),
    ...{ facts: shown(), does: 'wait', says: /could fail 9 flows .* over the budget of 8/ },
  },
  {
    name: 'rules, checklist and drill keep the next step back',
    ...{
      rollout: ready(),
      facts: shown({ next: nextOf({ obstacles: ['the drill runs'] }) }),
      does: 'wait',
      says: /the drill runs/,
    },
  },
  {
    name: 'an application of the plan that no longer exists is left out',
    ...{ rollout: ready(), facts: shown({ next: nextOf({ missing: [8] }) }) },
    ...{ does: 'advance', says: /; 8 no longer exists and is left out$/ },
  },
  {
    name: 'applications of the plan that no longer exist are left out',
    ...{ rollout: ready(), facts: shown({ next: nextOf({ missing: [8, 9] }) }) },
    ...{ does: 'advance', says: /; 8, 9 no longer exist and are left out$/ },
  },
  { name: 'with nothing in its way, the next step begins', rollout: ready(), facts: shown(), does: 'advance' },
  {
    name: 'in mode advise, the next step is advised',
    ...{
      rollout: ready({ plan: planOf({ mode: 'advise' }) }),
      facts: shown(),
      does: 'advise',
      says: /^Advice: take Step 2/,
    },
  },
  {
    name: 'what was advised waits for a person',
    ...{
      rollout: ready({ plan: planOf({ mode: 'advise' }), advised: 2 }),
      facts: shown(),
      does: 'wait',
      says: /is advised/,
    },
  },
  {
    name: 'after the last step the soak begins',
    rollout: ready({ step: 3, reached: [1, 2, 3, 4].map(() => ({ gates: null, applications: [] })) }),
    ...{ facts: shown({ next: undefined }), does: 'soak', says: /^All 3 steps are done; the soak begins$/ },
  },
  {
    name: 'after the only step the soak begins',
    rollout: ready({ plan: planOf({ steps: [{ applications: [1] }] }) }),
    ...{ facts: shown({ next: undefined }), does: 'soak', says: /^The only step is done; the soak begins$/ },
  },
  {
    name: 'a soak lasts its time',
    ...{ rollout: soaking({ elapsedMs: 0 }), facts: shown({ next: undefined }), does: 'wait', says: /the soak lasts/ },
  },
  {
    name: 'the end waits for its items',
    ...{ rollout: soaking(), facts: shown({ next: undefined, endObstacles: ['the issue is open'] }) },
    ...{ does: 'wait', says: /the issue is open/ },
  },
  { name: 'after the soak it is complete', rollout: soaking(), facts: shown({ next: undefined }), does: 'complete' },
]

describe('the next decision about a rollout', () => {
  for (const { name, rollout, facts, does, says, is } of ROWS) {
    test(name, () => {
      const decision = decide(rollout, facts, NOW)
      assert.equal(decision.do, does, decision.sentence)
      if (says !== undefined) assert.match(decision.sentence, says)
      assert.ok(is === undefined || is(decision), JSON.stringify(decision))
    })
  }
})

/** Most of what can be in the way is absent, so that many situations let the rollout advance. */
const rarely = fc.nat(5).map((number) => number === 0)

/** Any rollout at step 1 with any facts about it. */
const situations = fc.record({
  elapsedMs: fc.integer({ min: 0, max: 2 * DWELL }),
  outcomes: fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20 })),
  state: fc.constantFrom(
    'waiting',
    'running',
    'running',
    'running',
    'held',
    'paused',
    'soaking',
    'draft',
    'completed',
    'aborted',
  ),
  isHeld: rarely,
  hasPending: rarely,
  isBraked: rarely,
  isByHand: rarely,
  obstacles: rarely,
})
type Situation = typeof situations extends fc.Arbitrary<infer S> ? S : never

function situated({ elapsedMs, outcomes, state, ...is }: Situation): readonly [Rollout, RolloutFacts] {
  const rollout = rolloutOf({
    ...{ elapsedMs, state: state as Rollout['state'], isSoaking: state === 'soaking' },
    pending: is.hasPending ? pending : undefined,
    hold: is.isHeld ? { kind: 'failure', sentence: '' } : undefined,
  })
  const facts = factsOf({
    readings: outcomes.map((count, at) => readingOf(at + 1, count)),
    brake: { on: is.isBraked, reason: '' },
    flag: flag({ version: is.isByHand ? 8 : 7 }),
    next: nextOf({ obstacles: is.obstacles ? ['in the way'] : [] }),
  })
  return [rollout, facts]
}

describe('every decision about a rollout', () => {
  test('advances only with time and evidence complete, and with nothing pending, held, braked or changed by hand', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const { elapsedMs, outcomes, hasPending, isHeld, isBraked, isByHand, obstacles } = situation
        if (decide(...situated(situation), NOW).do !== 'advance') return true
        const isClear = !(hasPending || isHeld || isBraked || isByHand || obstacles)
        return isClear && elapsedMs >= DWELL && outcomes.every((count) => count >= 10)
      }),
      { numRuns: 2_000 },
    )
  })

  test('takes the next step and no other', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const decision = decide(...situated(situation), NOW)
        return decision.do !== 'advance' || decision.step.number === 2
      }),
    )
  })

  test('is the same again for the same rollout, read from the database or not', () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const [rollout, facts] = situated(situation)
        const stored = JSON.parse(JSON.stringify(rollout)) as Rollout
        assert.deepEqual(decide({ ...stored, plan: rollout.plan }, facts, NOW), decide(rollout, facts, NOW))
      }),
    )
  })

  test('does not depend on the wall clock, which may jump by five minutes', () => {
    fc.assert(
      fc.property(situations, fc.integer({ min: -5 * MINUTE, max: 5 * MINUTE }), (situation, jump) => {
        const [rollout, facts] = situated(situation)
        assert.deepEqual(decide(rollout, facts, NOW + jump), decide(rollout, facts, NOW))
      }),
    )
  })
})
