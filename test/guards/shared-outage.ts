import {
  FailingGuards,
  type GuardSituation,
  type JudgedApplication,
  judge,
  LegacyWatch,
  Recording,
  readGuard,
  SUSPECT_EVIDENCE,
  toleratedRate,
} from '../../src/guards/index.ts'
import { randomFrom } from './random.ts'

export interface OutageResult {
  readonly excluded: number
  readonly stepsBack: number
  /** Uninterrupted times during which the judgement was to hold. */
  readonly holds: number
  readonly failures: number
}

const SECONDS = 3_600
const OUTAGE = { from: 1_200, to: 1_260 }
const COHORTS = ['web', 'machine']

/** One application: the moved ones use IAM, and still refresh credentials of legacy; the others are the control. */
interface Member {
  readonly id: number
  readonly cohort: string
  readonly perSecond: number
  readonly recording: Recording | undefined
  suspectAt: number | undefined
}

/**
 * 50 applications, half of them moved, in an hour with one minute in which both sides answer with 503. The judgement is
 * asked for after every failure on IAM and every second.
 */
export function simulateSharedOutage(seed: number): OutageResult {
  const random = randomFrom(seed)
  const guards = new FailingGuards()
  const watch = new LegacyWatch(guards)
  const rate = toleratedRate({ outcomes: 200, failures: 1 })
  const members: Member[] = Array.from({ length: 50 }, (_, index) => ({
    id: index + 1,
    cohort: COHORTS[index % 2] as string,
    perSecond: 0.02 + random() * 0.98,
    recording: index % 4 < 2 ? new Recording(guards, rate, 1_000) : undefined,
    suspectAt: undefined,
  }))
  const result = { excluded: 0, stepsBack: 0, holds: 0, failures: 0 }
  let isHolding = false
  const consider = (now: number) => {
    const judgement = judge({
      now,
      applications: members.flatMap((member) => judgedOf(member)),
      isLegacyFailing: (scope, cause) => watch.isFailing(nameOf(scope), cause, now),
    })
    if (judgement.do === 'exclude') result.excluded++
    if (judgement.do === 'step_back') result.stepsBack++
    if (judgement.do === 'hold' && !isHolding) result.holds++
    isHolding = judgement.do === 'hold'
  }
  for (let second = 0; second < SECONDS; second++) {
    const isOut = second >= OUTAGE.from && second < OUTAGE.to
    for (const member of members) {
      if (random() >= member.perSecond) continue
      const now = second * 1_000 + Math.floor(random() * 1_000)
      const isFailure = isOut || random() < 0.005
      if (isFailure) result.failures++
      const isOnLegacy = member.recording === undefined || random() < 0.2
      if (isOnLegacy) recordOnLegacy(watch, { member, members }, isFailure, now)
      else if (recordOnIam(watch, member, isFailure, now)) consider(now)
    }
    consider(second * 1_000 + 999)
  }
  return result
}

function recordOnLegacy(
  watch: LegacyWatch,
  { member, members }: { member: Member; members: readonly Member[] },
  isFailure: boolean,
  now: number,
): void {
  const cause = isFailure ? 'unavailable' : undefined
  for (const name of namesOf(member)) {
    if (!watch.record(name, cause, now)) continue
    for (const one of members) if (namesOf(one).includes(name)) one.recording?.excuse('unavailable', now)
  }
}

function recordOnIam(watch: LegacyWatch, member: Member, isFailure: boolean, at: number): boolean {
  const grant = `${member.id} ${at}`
  if (isFailure && namesOf(member).some((name) => watch.isFailing(name, 'unavailable', at))) {
    member.recording?.skip('unavailable', at)
    return true
  }
  const error = isFailure ? 'status_503' : undefined
  member.recording?.record({ isFailure, at, grant, caller: grant, error, requestId: grant }, at)
  if ((member.recording?.evidence ?? 0) >= SUSPECT_EVIDENCE) member.suspectAt = at
  return isFailure
}

const namesOf = ({ id, cohort }: Member) => [String(id), cohort, 'all']

function judgedOf({ id, cohort, recording, suspectAt }: Member): JudgedApplication[] {
  if (recording === undefined) return []
  const recorded = recording.read()
  const readings = recorded.evidence < SUSPECT_EVIDENCE ? [] : [readGuard(recorded, situationOf(id))]
  const { evidence, outcomes: flows, excuse } = recorded
  return [{ applicationId: id, cohort, isMoved: true, flows, evidence, readings, excuse, suspectAt }]
}

const situationOf = (applicationId: number): GuardSituation => ({
  ...{ applicationId, guard: 'failures', attempt: 1, passBound: 0.1, legacyOutcomes: 200 },
  ...{ hasLosses: false, isStillOnLegacy: false, hasNoBaseline: false },
})

const nameOf = (scope: { applicationId: number } | { cohort: string } | 'all') =>
  scope === 'all' ? 'all' : 'cohort' in scope ? scope.cohort : String(scope.applicationId)
