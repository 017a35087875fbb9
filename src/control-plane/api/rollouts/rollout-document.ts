import { z } from 'zod'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import {
  evidenceInWords,
  movesInWords,
  ROLLOUT_STATES,
  type RolloutEvent,
  sentenceOf,
} from '../../../rollouts/index.ts'
import type { StoredRollout } from '../../rollouts/store/rollout-store.ts'

const stepSchema = z.object({
  number: z.int(),
  moves: z.string().describe('What the step moves, in words'),
  state: z.enum(['done', 'current', 'next', 'later']),
  applications: z.int().nullable().describe('How many applications it moves or moved; null before that is known'),
  traffic_share: z.number().nullable().describe('Their share of all flows, 0 to 1; null while no traffic is known'),
  dwell_seconds: z.number(),
  evidence: z.string(),
  approval: z.enum(['none', 'required', 'given']),
})

/** A rollout as the API shows it. */
export const rolloutSchema = z.object({
  id: z.int(),
  name: z.string(),
  flag: z.string(),
  environment: z.enum(ENVIRONMENTS),
  mode: z.enum(['act', 'advise']),
  state: z.enum(ROLLOUT_STATES),
  version: z.int().describe('Send it with an action'),
  step: z.int().describe('The step in force; 0 before the first'),
  furthest_step: z.int().describe('The last step that was ever in force, also after going back'),
  next_step: z.int().nullable().describe('Null after the last'),
  earliest_next_at: z.string().nullable().describe('ISO 8601; null while it is not known'),
  waiting_for: z.array(z.string()).describe('Sentences'),
  elapsed_seconds: z.number().describe('The time counted in this step, or in the soak'),
  steps: z.array(stepSchema),
  excluded: z.array(
    z.object({
      application_id: z.int(),
      guard: z.string().describe('The guard that failed; person or problem when none did'),
      cause: z.string().nullable(),
      sentence: z.string(),
      at: z.string(),
    }),
  ),
  moved: z.int().describe('How many applications the rollout has moved that are still moved'),
  held: z.object({ kind: z.string(), sentence: z.string() }).nullable(),
  paused_by: z.string().nullable(),
  watch: z.object({ by: z.string(), seconds_left: z.number() }).nullable(),
  shortened: z.array(z.string()).describe('Durations below the minimum, which only test controls permit'),
  reason: z.string().nullable(),
  change_issue_url: z.string().nullable(),
  started_by: z.string().nullable(),
  created_by: z.string(),
  created_at: z.string(),
  changed_at: z.string(),
  plan: z.record(z.string(), z.unknown()).describe('As it was written'),
})
export type RolloutDocument = z.infer<typeof rolloutSchema>

/** An event of a timeline as the API shows it. */
export const eventSchema = z.object({
  rollout_id: z.int(),
  number: z.int(),
  at: z.string(),
  by: z.string(),
  kind: z.string(),
  sentence: z.string(),
  evidence: z.unknown(),
})

/** Renders a rollout; `moved` counts its applications on IAM. */
export function rolloutDocument(rollout: StoredRollout, moved: number): RolloutDocument {
  const { plan, state, step, forecast, hold, watch } = rollout
  const isActive = state !== 'draft' && state !== 'completed' && state !== 'aborted'
  const isWatched = watch !== undefined && watch.leftMs > 0
  return {
    ...{ id: rollout.id, name: plan.name, flag: plan.flag, environment: plan.environment, mode: plan.mode },
    furthest_step: furthestOf(rollout),
    ...{ state, version: rollout.version, step, next_step: step < plan.steps.length ? step + 1 : null },
    earliest_next_at: isActive && hold === undefined && state !== 'paused' ? (forecast.earliest_next_at ?? null) : null,
    waiting_for: isActive ? waitingFor(rollout).map(sentenceOf) : [],
    elapsed_seconds: Math.round(rollout.elapsedMs / 100) / 10,
    steps: stepsOf(rollout),
    excluded: rollout.excluded.map((each) => ({ ...each })),
    moved,
    held: hold === undefined ? null : { ...hold },
    paused_by: rollout.pausedBy ?? null,
    watch: isWatched ? { by: watch.by, seconds_left: Math.round(watch.leftMs / 1_000) } : null,
    shortened: [...plan.shortened],
    reason: rollout.startReason ?? rollout.reason,
    change_issue_url: rollout.changeIssueUrl ?? plan.changeIssueUrl ?? null,
    started_by: rollout.startedBy ?? null,
    created_by: rollout.createdBy,
    created_at: rollout.createdAt.toISOString(),
    changed_at: rollout.changedAt.toISOString(),
    plan: { ...rollout.written },
  }
}

function waitingFor({ state, hold, pausedBy, pending, forecast }: StoredRollout): string[] {
  if (pending !== undefined) return ['a change of the flag is being carried out']
  if (hold !== undefined)
    return [hold.sentence, ...(hold.kind === 'guards' ? [] : ['a person must resume the rollout'])]
  if (state === 'paused') return [`paused by ${pausedBy ?? 'someone'}; a person must resume it`]
  return [...(forecast.waiting_for ?? [])]
}

function stepsOf(rollout: StoredRollout): RolloutDocument['steps'] {
  const { plan, approvals, forecast } = rollout
  const isEnded = rollout.state === 'aborted'
  // An aborted rollout is back at the beginning: what it executed is what it came to.
  const current = isEnded ? furthestOf(rollout) + 1 : rollout.step
  return plan.steps.map(({ number, moves, dwellMs, evidence, needsApproval }) => {
    const known = forecast.steps?.[number - 1]
    const isGiven = approvals.some((each) => each.step === number)
    return {
      number,
      moves: movesInWords(moves),
      state:
        number < current
          ? 'done'
          : isEnded
            ? 'later'
            : number === current
              ? 'current'
              : number === current + 1
                ? 'next'
                : 'later',
      applications: known?.applications ?? null,
      traffic_share: known?.traffic_share ?? null,
      dwell_seconds: dwellMs / 1_000,
      evidence: evidenceInWords(evidence),
      approval: isGiven ? 'given' : needsApproval ? 'required' : 'none',
    }
  })
}

function furthestOf({ step, furthestStep = 0 }: StoredRollout): number {
  return Math.max(step, furthestStep)
}

/** Renders an event. */
export function eventDocument({ rolloutId, ...event }: RolloutEvent): z.infer<typeof eventSchema> {
  return { rollout_id: rolloutId, ...event }
}
