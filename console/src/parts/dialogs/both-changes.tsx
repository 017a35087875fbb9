import type { ApiProblem } from '../../api/problem.ts'
import { Time } from '../text/time.tsx'

interface BothChangesProps {
  /** The refusal, with both states in its member `conflict`. */
  readonly problem: ApiProblem
  /** The state that the refused change would have made, in words. */
  readonly wished: string | undefined
}

interface Conflict {
  readonly decided_on: { readonly version: number; readonly in_words: string | null }
  readonly current: {
    readonly version: number
    readonly in_words: string
    readonly changed_by: string | null
    readonly changed_at: string | null
  }
}

/** Both changes, when someone else was faster: what this person decided on and wished, and what is there now. */
export function BothChanges({ problem, wished }: BothChangesProps) {
  const conflict = problem.document['conflict'] as Conflict | undefined
  if (conflict === undefined) return null
  const { decided_on: decided, current } = conflict
  return (
    <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-1 break-words">
      <dt className="font-medium">Your change</dt>
      <dd>
        {decided.in_words ?? 'an older state'} (version {decided.version}) → {wished ?? 'unknown'}
      </dd>
      <dt className="font-medium">{current.changed_by === null ? 'Their change' : <bdi>{current.changed_by}</bdi>}</dt>
      <dd>
        {current.in_words} (version {current.version}
        {current.changed_at !== null && (
          <>
            , <Time at={current.changed_at} show="age" />
          </>
        )}
        )
      </dd>
    </dl>
  )
}
