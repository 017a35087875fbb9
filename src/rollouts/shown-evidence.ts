import type { GuardReading } from '../guards/index.ts'
import { evidenceGap } from './decision/evidence.ts'
import { currentStep, movedBy, type Rollout } from './rollout.ts'

/** What the applications of the step in force have shown of what it requires. */
export interface ShownEvidence {
  /** The applications that the step moved and that are still moved. */
  readonly applications: number
  /** Whether they must show it together, or each for itself. */
  readonly isShared: boolean
  /** How many have shown enough: all or none of them when they show it together. */
  readonly enough: number
  /** The applications that have not, those with the fewest outcomes first. */
  readonly waiting: ReadonlyArray<{
    readonly applicationId: number
    readonly outcomes: number
    readonly failures: number
  }>
}

/** Reads what the step in force has shown; undefined before the first step. */
export function shownEvidence(rollout: Rollout, readings: readonly GuardReading[]): ShownEvidence | undefined {
  const step = currentStep(rollout)
  if (step === undefined) return undefined
  const moved = new Set(movedBy(rollout))
  const members = (rollout.reached[rollout.step]?.applications ?? []).filter((id) => moved.has(id))
  const isShared = step.moves.kind === 'percentage'
  const byApplication = new Map<number, GuardReading[]>(members.map((id) => [id, []]))
  for (const reading of readings) byApplication.get(reading.applicationId)?.push(reading)
  const isComplete = isShared && evidenceGap(step, members, readings).sentences.length === 0
  const waiting = [...byApplication].flatMap(([applicationId, own]) => {
    const { outcomes, failures } = own.find(({ guard }) => guard === 'failures') ?? { outcomes: 0, failures: 0 }
    const isEnough = isShared ? isComplete : evidenceGap(step, [applicationId], own).sentences.length === 0
    return isEnough ? [] : [{ applicationId, outcomes, failures }]
  })
  waiting.sort((a, b) => a.outcomes - b.outcomes || a.applicationId - b.applicationId)
  return { applications: members.length, isShared, enough: members.length - waiting.length, waiting }
}
