import { useCaller } from '../../api/caller.ts'
import type { RolloutDetailsDocument, RolloutDocument } from '../../api/rollouts.ts'
import { inShort } from '../../format/numbers.ts'
import type { PageAction } from '../rollout-search.ts'
import { ActionLink } from './action-link.tsx'
import { refusalInWords } from './action-words.ts'

interface ActionBarProps {
  readonly rollout: RolloutDocument
  readonly details: RolloutDetailsDocument | undefined
}

/**
 * What can be done with the rollout, the most sensible first. Those who may not act see nothing of it; what cannot be
 * done now keeps its place, with the reason.
 */
export function ActionBar({ rollout, details }: ActionBarProps) {
  const { state, environment, step, steps, next_step } = rollout
  const { may } = useCaller()
  if (state === 'completed' || state === 'aborted' || !may('rollouts.act', environment)) return null
  const reason = (action: PageAction) => refusalInWords(details, action, state)
  if (state === 'draft') {
    return (
      <div className="flex flex-wrap gap-3">
        <ActionLink ask="start" weight="primary" reason={reason('start')}>
          Start …
        </ActionLink>
        <ActionLink ask="abort" reason={reason('abort')}>
          Discard the draft …
        </ActionLink>
      </div>
    )
  }
  const isStopped = state === 'paused' || state === 'held'
  const next = steps[(next_step ?? 0) - 1]
  const before = step > 1 ? inShort(steps[step - 2]?.moves ?? '', 20) : 'the beginning'
  return (
    <div className="flex flex-wrap gap-x-3 gap-y-2">
      {isStopped && (
        <ActionLink ask="resume" weight="primary" reason={reason('resume')}>
          Resume …
        </ActionLink>
      )}
      {state !== 'paused' && (
        <ActionLink ask="pause" reason={reason('pause')}>
          Pause …
        </ActionLink>
      )}
      {next !== undefined && (
        <ActionLink ask="next" reason={reason('next')}>
          Next step now …
        </ActionLink>
      )}
      <ActionLink ask="back" reason={reason('back')}>
        Back to {before} …
      </ActionLink>
      <ActionLink ask="exclude" reason={reason('exclude')}>
        Take back one …
      </ActionLink>
      <ActionLink ask="abort" weight="danger" reason={reason('abort')}>
        Abort: take all back …
      </ActionLink>
    </div>
  )
}
