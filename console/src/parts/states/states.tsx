import { type ReactNode, useEffect, useState } from 'react'
import { ApiProblem, isPassing, sentenceOf } from '../../api/problem.ts'
import { Button } from '../actions/button.tsx'

const SLOW_AFTER_MS = 3_000

/** The place of something that has never been read yet: it keeps its room, and says after 3 s that it is slow. */
export function Loading({ of }: { of: string }) {
  const [isSlow, setSlow] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_AFTER_MS)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div role="status" className="flex min-h-16 flex-col justify-center gap-2 text-sm text-faded">
      <span aria-hidden="true" className="block h-3 w-2/3 motion-safe:animate-pulse rounded-sm bg-sunken" />
      <span aria-hidden="true" className="block h-3 w-1/2 motion-safe:animate-pulse rounded-sm bg-sunken" />
      <span>{isSlow ? <Slow of={of} /> : `Loading ${of} …`}</span>
    </div>
  )
}

/** Said while an answer takes longer than usual. */
export function Slow({ of }: { of: string }) {
  return <>The control plane takes longer than usual to answer. Still loading {of} …</>
}

/** Said when there is nothing, and what would make there be something. */
export function Empty({ children }: { children: ReactNode }) {
  return <p className="py-1 text-sm text-faded">{children}</p>
}

/** Said when a list is longer than what is shown. */
export function TooMany({ shown, all, how }: { shown: string; all: string; how: ReactNode }) {
  return (
    <p role="status" className="border-t border-line py-2 text-sm text-faded">
      Showing {shown} of {all}. {how}
    </p>
  )
}

interface FailureProps {
  readonly of: string
  readonly error: unknown
  readonly onRetry?: (() => void) | undefined
}

/** Said when something could not be read: why, and what to do. Missing rights are no fault, and offer no retry. */
export function Failure({ of, error, onRetry }: FailureProps) {
  const problem = error instanceof ApiProblem ? error : undefined
  if (problem?.status === 403) return <NoPermission of={of} />
  const isOffline = problem?.kind === 'offline'
  return (
    <div role={isOffline ? 'status' : 'alert'} className="flex flex-wrap items-center gap-x-3 gap-y-2 py-3 text-sm">
      <p>
        <span aria-hidden="true" className={`font-bold ${isOffline ? 'text-faded' : 'text-broken'}`}>
          {isOffline ? '… ' : '✗ '}
        </span>
        Cannot show {of}. {sentenceOf(error)}
        {isOffline && ' It appears as soon as the connection is back.'}
        {problem?.requestId !== undefined && <span className="text-faded"> Request {problem.requestId}.</span>}
      </p>
      {onRetry !== undefined && (isPassing(error) || problem === undefined) && (
        <Button onClick={onRetry}>Try again</Button>
      )}
    </div>
  )
}

/** Said instead of something that the caller's role may not see. */
export function NoPermission({ of }: { of: string }) {
  return (
    <p className="py-3 text-sm text-faded">
      Your role does not allow you to see {of}. An administrator can change that.
    </p>
  )
}
