import { OFF } from '../flags/index.ts'
import type { GuardReading } from '../guards/index.ts'
import type { NextStepFact, RolloutFacts } from './decision/decide.ts'
import { readPlanObject } from './plan/read-plan.ts'
import { DRAFT, type Rollout } from './rollout.ts'

/** A plan that is valid, with short times; `more` are its fields as they are written. */
export function planOf(more: Readonly<Record<string, unknown>> = {}): Rollout['plan'] {
  const written = {
    ...{ version: 1, name: 'wave', flag: 'proxy_oauth_requests_to_iam_service', environment: 'dev' },
    ...{ dwell: '15m', soak: '24h', evidence: { outcomes: 10 } },
    steps: [{ applications: [1, 2] }, { percentage: 50 }, { percentage: 100 }],
    ...more,
  }
  const read = readPlanObject(written, { now: undefined, allowsShort: true })
  if ('faults' in read) throw new Error(JSON.stringify(read.faults))
  return read.plan
}

/** A rollout of {@link planOf} that is in force at step 1 with applications 1 and 2. */
export function rolloutOf(more: Partial<Rollout> = {}): Rollout {
  return {
    ...DRAFT,
    ...{ id: 1, version: 5, plan: planOf(), state: 'running', step: 1, flagVersion: 7, startedBy: 'ann' },
    reached: [
      { gates: null, applications: [] },
      { gates: OFF, applications: [1, 2] },
    ],
    ...more,
  }
}

/** The next step: it moves applications 3 and 4, and nothing is in its way. */
export function nextOf(more: Partial<NextStepFact> = {}): NextStepFact {
  return {
    ...{ applications: [3, 4], missing: [], changes: [{ percentage: 50, of: 'actors' }], isInForce: false },
    ...{ refused: undefined, trafficShare: 0.2, flowsAtRisk: 9, namedOnly: [], obstacles: [] },
    ...more,
  }
}

/** Facts with which nothing is wrong and nothing has been shown. */
export function factsOf(more: Partial<RolloutFacts> = {}): RolloutFacts {
  return {
    flag: { version: 7, state: OFF, isDefined: true, changedBy: undefined },
    ...{ brake: { on: false, reason: '' }, judgement: { do: 'continue' }, readings: [], problems: [], queries: [] },
    ...{ failedPipelines: [], next: nextOf(), missedDrill: undefined, endObstacles: [], applications: 40 },
    ...{ exists: () => true, flowsPerDay: () => undefined },
    ...more,
  }
}

/** A reading of the guard of failures that is quiet. */
export function readingOf(applicationId: number, outcomes: number, more: Partial<GuardReading> = {}): GuardReading {
  return {
    ...{ applicationId, guard: 'failures', outcomes, failures: 0, toleratedRate: 0.05, threshold: 1_000, attempt: 1 },
    ...{ evidence: 1, level: 'quiet', bound: undefined, verdict: 'not_enough_evidence', cause: undefined },
    ...{ requestIds: [], grants: 0, callers: 0, knownCallers: 0, sentence: `0 of ${outcomes} flows failed` },
    ...more,
  }
}
