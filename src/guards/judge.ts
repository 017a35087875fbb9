import { causeClass, UNAVAILABLE_CLASS } from './cause-class.ts'
import { HOLD_EVIDENCE, POOLED_THRESHOLD, SUSPECT_EVIDENCE } from './levels.ts'
import type { Excuse } from './recording.ts'
import { meanEvidence } from './statistics/pooled-evidence.ts'
import type { GuardJudgement, GuardReading } from './vocabulary.ts'

/** Evidence counts as simultaneous within this time. */
export const TOGETHER_MS = 10 * 60_000
/** This many suspects at once are not a fault of single applications. */
const MANY = 3
/** Of few moved applications, a tenth, but at least two: one application alone is judged on its own. */
const LEAST_SHARED = 2
/** Number of its grants that must have failed before an application is excluded. */
const LEAST_GRANTS = 3
/** With this many outcomes of its own, an application is not judged by its probes. */
const ENOUGH_OF_ITS_OWN = 10

/** An application whose attempt is open, or whose attempt failed a short time ago. */
export interface JudgedApplication {
  readonly applicationId: number
  readonly cohort: string
  /** False for an application that has been excluded since: it counts as a suspect, and is not judged again. */
  readonly isMoved: boolean
  /** What its guard of failures has counted, and its present evidence. */
  readonly flows: number
  readonly evidence: number
  /** The readings of its guards; those below 20 may be left out. */
  readonly readings: readonly GuardReading[]
  /** Failures that did not count, because legacy failed for the same cause. */
  readonly excuse: Excuse | undefined
  /** When one of its guards last stood at 20 or more, in milliseconds since the epoch. */
  readonly suspectAt: number | undefined
}

/** Everything that {@link judge} looks at. */
export interface Situation {
  readonly now: number
  /** Failures of several applications for one cause within this time are one fault. Default: 10 minutes. */
  readonly togetherMs?: number | undefined
  readonly applications: readonly JudgedApplication[]
  /**
   * Whether legacy's guard for a class of causes stood at 20 or more within the last 10 minutes: the application's own
   * (`applicationId`), that of its cohort, or that of legacy as a whole.
   */
  readonly isLegacyFailing: (scope: { applicationId: number } | { cohort: string } | 'all', cause: string) => boolean
}

interface Suspect {
  readonly application: JudgedApplication
  /** The strongest reading, in proportion to its threshold. */
  readonly reading: GuardReading
  readonly cause: string
}

/**
 * Decides whose fault the present evidence shows, in this order. Legacy fails for the same cause: hold. Several
 * applications fail for the same cause, or the evidence of a cohort or of all reaches its threshold: step back. One
 * application is at its threshold: exclude it. Reads no clock and changes nothing.
 */
export function judge(situation: Situation): GuardJudgement {
  const { now, applications, togetherMs = TOGETHER_MS } = situation
  const isRecent = (at: number | undefined, withinMs = TOGETHER_MS) => at !== undefined && now - at <= withinMs
  const all = applications.flatMap(suspectOf).filter(({ application }) => isRecent(application.suspectAt))
  const own = all.filter((suspect) => !isSharedWithLegacy(suspect, situation))
  const shared = all.filter((suspect) => isSharedWithLegacy(suspect, situation))
  const excused = [
    ...shared.map(({ application: { applicationId, isMoved }, cause }) => ({ applicationId, isMoved, cause })),
    ...applications.flatMap(({ applicationId, isMoved, excuse }) =>
      excuse !== undefined && isRecent(excuse.at) ? [{ applicationId, isMoved, cause: excuse.cause }] : [],
    ),
  ].filter(({ isMoved }) => isMoved)
  return (
    stepBackOf(
      own.filter(({ application }) => isRecent(application.suspectAt, togetherMs)),
      situation,
    ) ??
    exclusionOf(own) ??
    holdOf(
      excused,
      own.filter(({ application }) => application.isMoved),
    ) ?? { do: 'continue' }
  )
}

function suspectOf(application: JudgedApplication): Suspect[] {
  const [strongest] = application.readings
    .filter((reading) => reading.guard !== 'probes' || application.flows < ENOUGH_OF_ITS_OWN)
    .sort((one, other) => other.evidence / other.threshold - one.evidence / one.threshold)
  if (strongest === undefined || strongest.evidence < SUSPECT_EVIDENCE) return []
  return [{ application, reading: strongest, cause: causeClass(strongest.cause ?? 'unknown') }]
}

function isSharedWithLegacy({ application, cause }: Suspect, { isLegacyFailing }: Situation): boolean {
  const { applicationId, cohort } = application
  if (isLegacyFailing({ applicationId }, cause) || isLegacyFailing({ cohort }, cause)) return true
  // An outage of what both sides depend on; a client's error on legacy as a whole says nothing of this application.
  return cause === UNAVAILABLE_CLASS && isLegacyFailing('all', cause)
}

function stepBackOf(suspects: readonly Suspect[], { applications }: Situation): GuardJudgement | undefined {
  const moved = applications.filter(({ isMoved }) => isMoved)
  const many = Math.min(MANY, Math.max(LEAST_SHARED, Math.ceil(moved.length / 10)))
  for (const [cause, together] of groupBy(suspects, (one) => one.cause)) {
    if (together.length < many || !together.some(({ application }) => application.isMoved)) continue
    const cohorts = new Set(together.map(({ application }) => application.cohort))
    const [cohort] = cohorts
    const inScope = cohorts.size === 1 ? moved.filter((one) => one.cohort === cohort) : moved
    const scope = cohorts.size === 1 ? 'cohort' : 'step'
    const ids = together.map(({ application }) => application.applicationId)
    return {
      ...{ do: 'step_back', scope, applications: inScope.map(({ applicationId }) => applicationId) },
      sentence: `${together.length} applications fail together with ${cause} (${listed(ids)}), so the fault is not theirs.`,
    }
  }
  return pooledStepBack(suspects, moved)
}

/** The evidence of a cohort, or of all moved applications, at its threshold, with at least two suspects in it. */
function pooledStepBack(suspects: readonly Suspect[], moved: readonly JudgedApplication[]): GuardJudgement | undefined {
  const groups: Array<['cohort' | 'step', string, JudgedApplication[]]> = []
  for (const [cohort, members] of groupBy(moved, (one) => one.cohort))
    groups.push(['cohort', `cohort ${cohort}`, members])
  groups.push(['step', 'all moved applications', [...moved]])
  for (const [scope, name, members] of groups) {
    const held = new Set(members)
    const inGroup = suspects.filter(({ application }) => held.has(application))
    if (inGroup.length < LEAST_SHARED) continue
    const evidence = pooledEvidence(members)
    if (evidence < POOLED_THRESHOLD) continue
    return {
      ...{ do: 'step_back', scope, applications: members.map(({ applicationId }) => applicationId) },
      sentence: `The evidence of ${name} reached its threshold of 10,000: ${listed(inGroup.map((one) => one.application.applicationId))} fail.`,
    }
  }
  return undefined
}

/** The mean evidence of a group, from the guard of the failures of each member. */
export function pooledEvidence(members: ReadonlyArray<{ readonly evidence: number }>): number {
  return meanEvidence(members.map(({ evidence }) => evidence))
}

function exclusionOf(suspects: readonly Suspect[]): GuardJudgement | undefined {
  const readings = suspects
    .filter(({ application, reading }) => application.isMoved && hasEnoughGrants(reading))
    .map(({ reading }) => reading)
  return readings.length === 0 ? undefined : { do: 'exclude', readings }
}

/** At its threshold, from at least three grants and, if it has several callers, from two of them. */
function hasEnoughGrants({ level, guard, grants, callers, knownCallers }: GuardReading): boolean {
  if (level !== 'act' || grants < LEAST_GRANTS) return false
  return guard === 'probes' || knownCallers < 2 || callers >= 2
}

function holdOf(
  excused: ReadonlyArray<{ applicationId: number; cause: string }>,
  own: readonly Suspect[],
): GuardJudgement | undefined {
  const [first] = excused
  if (first !== undefined) {
    const ids = [...new Set(excused.map(({ applicationId }) => applicationId))]
    return {
      do: 'hold',
      sentence: `Legacy fails with ${first.cause} too (${listed(ids)}), so no application is rolled back.`,
    }
  }
  const strong = own.find(({ reading }) => reading.evidence >= HOLD_EVIDENCE)
  if (strong === undefined) return undefined
  const { applicationId, sentence, level } = strong.reading
  const why = level === 'act' ? ' Its failures come from too few grants or callers to exclude it.' : ''
  return { do: 'hold', sentence: `Application ${applicationId}: ${sentence}${why}` }
}

function listed(ids: readonly number[]): string {
  const shown = ids.slice(0, 5).join(', ')
  return ids.length > 5 ? `${shown} and ${ids.length - 5} more` : shown
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const name = key(item)
    const group = groups.get(name) ?? []
    group.push(item)
    groups.set(name, group)
  }
  return groups
}
