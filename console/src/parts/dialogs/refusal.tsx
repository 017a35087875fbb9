import type { ReactNode } from 'react'
import { ApiProblem, sentenceOf } from '../../api/problem.ts'

interface RefusalProps {
  readonly error: unknown
  readonly conflict?: ((problem: ApiProblem) => ReactNode) | undefined
}

/** Why a change was refused, or that its outcome is unknown. */
export function Refusal({ error, conflict }: RefusalProps) {
  const problem = error instanceof ApiProblem ? error : undefined
  const isAnswered = problem?.kind === 'answered' && problem.status < 500
  const isUnknown = problem !== undefined && !isAnswered && problem.kind !== 'signed_out'
  return (
    <div role="alert" className="flex flex-col gap-2 rounded-md border border-broken p-3 text-sm">
      <p>
        <strong className="text-broken">✗ {isUnknown ? 'The outcome is unknown.' : 'Nothing was changed.'}</strong>{' '}
        {sentenceOf(error)}
        {isUnknown && ' The change may have been made: look at the present state before you try again.'}
      </p>
      {problem?.status === 409 && conflict?.(problem)}
    </div>
  )
}
