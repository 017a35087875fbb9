import { useQuery } from '@tanstack/react-query'
import type { ApiProblem } from '../../api/problem.ts'
import { read } from '../../api/request.ts'
import { type RolloutDocument, type RolloutEventDocument, rolloutQuery } from '../../api/rollouts.ts'
import { Time } from '../../parts/text/time.tsx'
import { courseInWords } from './action-words.ts'

interface ActionConflictProps {
  /** The rollout on which the person decided. */
  readonly seen: RolloutDocument
  readonly action: string
  readonly problem: ApiProblem
}

const MOST_SHOWN = 5

/** Both changes when someone was faster: what the person asked for and on what, and what happened in the meantime. */
export function ActionConflict({ seen, action, problem }: ActionConflictProps) {
  const id = String(seen.id)
  const { data: now } = useQuery(rolloutQuery(id))
  const { data: others } = useQuery({
    queryKey: ['rollouts', id, 'conflict', seen.version],
    queryFn: async ({ signal }) => {
      const query = { order: 'newest', limit: MOST_SHOWN }
      const { events } = await read<{ events: RolloutEventDocument[] }>(`api/v1/rollouts/${id}/events`, {
        query,
        signal,
      })
      return events.filter(({ at }) => at > seen.changed_at)
    },
    gcTime: 0,
  })
  if (problem.code !== 'version_conflict') return null
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 wrap-anywhere">
      <dt className="font-medium">Your change</dt>
      <dd>
        {action}, decided on: {courseInWords(seen)}
      </dd>
      <dt className="font-medium">In the meantime</dt>
      <dd>
        {others === undefined ? (
          'not read yet'
        ) : others.length === 0 ? (
          'The engine changed it.'
        ) : (
          <ul>
            {others.map(({ number, sentence, at }) => (
              <li key={number}>
                {sentence} (<Time at={at} show="age" />)
              </li>
            ))}
          </ul>
        )}
      </dd>
      <dt className="font-medium">State now</dt>
      <dd>{now === undefined ? 'not read yet' : courseInWords(now)}</dd>
    </dl>
  )
}
