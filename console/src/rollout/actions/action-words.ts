import type { RolloutDetailsDocument, RolloutDocument, SimulationDocument } from '../../api/rollouts.ts'
import { inShort } from '../../format/numbers.ts'
import type { PageAction } from '../rollout-search.ts'

/** Why an action cannot be done now, as a sentence; undefined if it can. Until that is known, it cannot. */
export function refusalInWords(
  details: RolloutDetailsDocument | undefined,
  action: PageAction,
  state: RolloutDocument['state'],
): string | undefined {
  if (details === undefined) return 'What can be done now is not known yet.'
  const reason = details.refused.find((each) => each.action === action)?.reason
  if (reason === undefined) return undefined
  if (reason.includes('not possible in state')) return `Not possible while it is ${state}.`
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`
}

/** The name of a step for a choice; 0 is the beginning. */
export function stepInWords({ steps }: Pick<RolloutDocument, 'steps'>, step: number): string {
  return step === 0 ? 'the beginning' : `step ${step}: ${inShort(steps[step - 1]?.moves ?? '')}`
}

/** What a rollout is about to have done, as a clause; for the two sides of a conflict. */
export function courseInWords({ state, step, steps }: Pick<RolloutDocument, 'state' | 'step' | 'steps'>): string {
  return `${state}, ${step === 0 ? 'before the first step' : `at step ${step} of ${steps.length} (${inShort(steps[step - 1]?.moves ?? '')})`}`
}

/** How much an action moves or takes back: applications, and their share of the traffic where it is known. */
interface Reach {
  readonly applications: number
  readonly share: number | undefined
}

/** What a whole plan moves, as it was simulated; undefined while that is unknown. */
export function reachOfAll(simulation: SimulationDocument | undefined): Reach | undefined {
  if (simulation === undefined) return undefined
  const { steps } = simulation
  return {
    applications: steps.reduce((sum, { applications }) => sum + applications.length, 0),
    share: steps.some(({ traffic_share }) => traffic_share === null)
      ? undefined
      : Math.min(
          1,
          steps.reduce((sum, { traffic_share }) => sum + (traffic_share ?? 0), 0),
        ),
  }
}

/** What an action on a rollout in progress moves or takes back; undefined while that is unknown. */
export function reachOf(
  rollout: Pick<RolloutDocument, 'steps' | 'step' | 'moved'>,
  action: PageAction,
  toStep: number,
): Reach | undefined {
  const { steps, step, moved } = rollout
  const sharesOf = (numbers: readonly number[]) => {
    const shares = numbers.map((number) => steps[number - 1]?.traffic_share)
    return shares.some((share) => share === null || share === undefined)
      ? undefined
      : shares.reduce<number>((sum, share) => sum + (share ?? 0), 0)
  }
  switch (action) {
    case 'next':
    case 'approve': {
      const next = steps[toStep - 1]?.applications
      return next === null || next === undefined ? undefined : { applications: next, share: sharesOf([toStep]) }
    }
    case 'back': {
      const undone = steps.filter(({ number }) => number > toStep && number <= step)
      const all = undone.reduce((sum, { applications }) => sum + (applications ?? 0), 0)
      return { applications: Math.min(all, moved), share: sharesOf(undone.map(({ number }) => number)) }
    }
    case 'abort': {
      const begun = steps.filter(({ number }) => number <= step)
      return { applications: moved, share: sharesOf(begun.map(({ number }) => number)) }
    }
    case 'retry':
    case 'exclude':
      return { applications: 1, share: undefined }
    default:
      return undefined
  }
}
