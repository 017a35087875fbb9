import type { ApiProblem } from '../../api/problem.ts'
import { Time } from '../text/time.tsx'

/** Both states of a conflict, as the control plane's problem documents hold them. */
interface Conflict {
  readonly decided_on: { readonly version: number; readonly in_words: string | null }
  readonly current: {
    readonly version: number
    readonly in_words: string
    readonly changed_by: string | null
    readonly changed_at: string | null
  }
}

/** What the person decided on and wanted, and what someone else has made of it; nothing for any other problem. */
export function ConflictStates({ problem, wanted }: { problem: ApiProblem; wanted: string }) {
  const conflict = problem.document['conflict'] as Conflict | undefined
  if (conflict === undefined) return null
  const { decided_on: seen, current } = conflict
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 break-words">
      <dt className="font-medium">You wanted</dt>
      <dd>{wanted}</dd>
      <dt className="font-medium">You saw</dt>
      <dd>{seen.in_words ?? `version ${seen.version}`}</dd>
      <dt className="font-medium">State now</dt>
      <dd>
        {current.in_words}
        {current.changed_by !== null && (
          <>
            , by <bdi>{current.changed_by}</bdi>
          </>
        )}
        {current.changed_at !== null && (
          <>
            {' '}
            at <Time at={current.changed_at} />
          </>
        )}
      </dd>
    </dl>
  )
}
