import { Link } from '@tanstack/react-router'
import { useCaller } from '../../api/caller.ts'
import type { RolloutDetailsDocument, RolloutDocument } from '../../api/rollouts.ts'
import { ApplicationName } from '../../parts/text/name.tsx'
import { Time } from '../../parts/text/time.tsx'
import { ActionLink } from '../actions/action-link.tsx'
import type { Exclusion } from './exclusion-groups.ts'

interface ExclusionRowProps {
  readonly rollout: RolloutDocument
  readonly exclusion: Exclusion
  readonly details: RolloutDetailsDocument | undefined
}

/** One application that was taken back: what it showed, when, and the way to try it again. */
export function ExclusionRow({ rollout, exclusion, details }: ExclusionRowProps) {
  const { application_id: id, sentence, at } = exclusion
  const { may } = useCaller()
  const isOver = rollout.state === 'completed' || rollout.state === 'aborted'
  return (
    <div className="flex items-start justify-between gap-3">
      <div className="min-w-0">
        <Link
          to="/applications/$id"
          params={{ id: String(id) }}
          className="flex min-w-0 gap-2 font-medium underline-offset-4 hover:underline"
        >
          <ApplicationName name={details?.names[id] ?? null} id={id} />
          <span className="text-faded">#{id}</span>
        </Link>
        <p className="wrap-anywhere text-faded">
          {sentence} <Time at={at} show="age" />
        </p>
      </div>
      {!isOver && may('rollouts.act', rollout.environment) && (
        <div className="shrink-0">
          <ActionLink ask="retry" application={id}>
            Retry …
          </ActionLink>
        </div>
      )}
    </div>
  )
}
