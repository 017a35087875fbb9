import { HOLD_EVIDENCE, levelOf, SUSPECT_EVIDENCE, thresholdOf } from './levels.ts'
import type { Recorded } from './recording.ts'
import { passingBound } from './statistics/passing-guard.ts'
import { WEAK_BASELINE } from './statistics/tolerated-rate.ts'
import type { ApplicationGuard, GuardReading, GuardVerdict } from './vocabulary.ts'

/** What a guard's verdict rests on besides its own counts. */
export interface GuardSituation {
  readonly applicationId: number
  readonly guard: ApplicationGuard
  readonly attempt: number
  /** The failure rate that must be ruled out for a pass. */
  readonly passBound: number
  /** The outcomes on legacy that the tolerated rate rests on. */
  readonly legacyOutcomes: number
  /** More than 1 % of the environment's outcomes were lost lately. */
  readonly hasLosses: boolean
  /** Flows of the application on legacy since its attempt began: with none on IAM, its credentials are all of legacy. */
  readonly isStillOnLegacy: boolean
  /** Nothing on legacy to compare with: the guard cannot judge. */
  readonly hasNoBaseline: boolean
}

/** What an outcome, and its failure, is called in the sentences of a guard. */
const WORDS: Record<ApplicationGuard, { readonly failed: string; readonly of: string }> = {
  failures: { failed: 'failed', of: 'flows' },
  completion: { failed: 'were not completed', of: 'sign-ins' },
  latency: { failed: 'were slow', of: 'answers' },
  shape: { failed: 'had a shape that legacy never showed', of: 'answers' },
  probes: { failed: 'failed', of: 'probes' },
}

/** The reading of one guard: its verdict with the numbers behind it. */
export function readGuard(recorded: Recorded, situation: GuardSituation): GuardReading {
  const threshold = thresholdOf(situation.attempt)
  const level = recorded.hasFailed ? 'act' : levelOf(recorded.evidence, threshold)
  const bound = passingBound(recorded)
  const verdict = verdictOf(recorded, situation, bound)
  const { applicationId, guard, attempt } = situation
  const { evidence, outcomes, failures, toleratedRate, cause, requestIds, grants, callers, knownCallers } = recorded
  return {
    ...{ applicationId, guard, verdict, evidence, threshold, outcomes, failures, toleratedRate, bound },
    // Evidence with gaps stops a rollout, but rolls no application back.
    level: situation.hasLosses && !recorded.hasFailed && level === 'act' ? 'hold' : level,
    cause: failures === 0 ? undefined : (CAUSES[guard] ?? cause),
    ...{ requestIds, grants, callers, knownCallers, attempt },
    sentence: sentenceOf(recorded, situation, { verdict, bound, threshold }),
  }
}

/** The guards whose failures all have the same cause. */
const CAUSES: Partial<Record<ApplicationGuard, string>> = {
  completion: 'incomplete',
  latency: 'slow',
  shape: 'unknown_shape',
}

function verdictOf(recorded: Recorded, situation: GuardSituation, bound: number | undefined): GuardVerdict {
  if (recorded.hasFailed) return 'fail'
  if (situation.hasLosses || recorded.outcomes === 0 || situation.hasNoBaseline) return 'not_enough_evidence'
  if (recorded.evidence >= SUSPECT_EVIDENCE || bound === undefined) return 'not_enough_evidence'
  return bound <= situation.passBound ? 'pass' : 'not_enough_evidence'
}

interface Judged {
  readonly verdict: GuardVerdict
  readonly bound: number | undefined
  readonly threshold: number
}

function sentenceOf(recorded: Recorded, situation: GuardSituation, { verdict, bound, threshold }: Judged): string {
  const { outcomes, failures, evidence, toleratedRate, cause } = recorded
  const { failed, of } = WORDS[situation.guard]
  const weak = situation.guard !== 'probes' && situation.legacyOutcomes < WEAK_BASELINE ? ' (weak baseline)' : ''
  const counted = `${failures} of ${outcomes} ${of} ${failed}`
  const why = cause !== undefined && CAUSES[situation.guard] === undefined ? `, most often with ${cause}` : ''
  const tolerated = `${percent(toleratedRate)} are tolerated${weak}`
  if (verdict === 'fail') {
    return `Failed: ${counted}${why}; ${tolerated}; the evidence reached the threshold of ${number(threshold)}.`
  }
  if (situation.hasNoBaseline) {
    return `Not enough evidence: legacy answered too few ${of} of this application to compare with.`
  }
  if (outcomes === 0) return nothingYet(situation)
  if (situation.hasLosses) {
    return `Not enough evidence: more than 1 % of the outcomes were lost; of those that arrived, ${counted}.`
  }
  if (evidence >= SUSPECT_EVIDENCE) {
    const strength = evidence >= HOLD_EVIDENCE ? 'Strong suspicion' : 'Suspicion'
    return `Not enough evidence to pass. ${strength}: ${counted}${why}; ${tolerated}; evidence ${number(evidence)} of ${number(threshold)}.`
  }
  const shown = bound === undefined ? 'no rate is ruled out yet' : boundInWords(bound, recorded, situation.guard)
  if (verdict === 'pass') return `Passed: ${shown}; ${tolerated}.`
  return `Not enough evidence: ${counted}; ${shown}; ${percent(situation.passBound)} must be ruled out.`
}

/** Nothing has been counted: either nothing happened, or everything still happens on legacy. */
function nothingYet({ guard, isStillOnLegacy }: GuardSituation): string {
  if (guard === 'probes') return 'Not enough evidence: no probe has run on IAM yet.'
  return isStillOnLegacy
    ? 'Not enough evidence: moved, but all of its flows still run on credentials of rails.'
    : 'Not enough evidence: no flow has reached IAM since it was moved.'
}

/** A bound in words: "at most 9 of 100 flows fail, as far as 38 clean ones can tell". */
function boundInWords(bound: number, { outcomes, failures }: Recorded, guard: ApplicationGuard): string {
  const { of } = WORDS[guard]
  const clean = outcomes - failures
  const seen = failures === 0 ? `${clean} clean ones` : `${clean} clean and ${failures} failed ones`
  const [most, base] = inWholeNumbers(bound)
  return `at most ${most} of ${base} ${of} ${PRESENT[guard]}, as far as ${seen} can tell`
}

const PRESENT: Record<ApplicationGuard, string> = {
  failures: 'fail',
  completion: 'are not completed',
  latency: 'are slow',
  shape: 'have an unknown shape',
  probes: 'fail',
}

/** Rounded up, so that the words never promise more than the number. */
function inWholeNumbers(share: number): [number, number] {
  const base = share >= 0.01 ? 100 : 1_000
  return [Math.ceil(share * base - 1e-9), base]
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`
}

/** A number of evidence with thousands separated; a very large one in powers of ten. */
function number(value: number): string {
  if (value >= 1e9) return `about 10^${Math.floor(Math.log10(value))}`
  return Math.round(value).toLocaleString('en-US')
}
