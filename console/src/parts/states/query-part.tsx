import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useLive } from '../../live/live.tsx'
import { Failure, Loading } from './states.tsx'

interface QueryPartProps<Document> {
  readonly query: UseQueryResult<Document, Error>
  /** What it shows, as a noun phrase that completes "Loading …" and "Cannot show …": `the applications`. */
  readonly of: string
  readonly children: (document: Document) => ReactNode
}

/**
 * Shows what a query read, in every state of it: loading keeps the old content, dimmed; a failure keeps it too and says
 * what is wrong above it; what is shown while the connection is stale is dimmed.
 */
export function QueryPart<Document>({ query, of, children }: QueryPartProps<Document>) {
  const isStale = useLive().kind === 'stale'
  const { data, error, isPlaceholderData, refetch } = query
  if (data === undefined) {
    return error === null ? <Loading of={of} /> : <Failure of={of} error={error} onRetry={() => void refetch()} />
  }
  const isOld = isPlaceholderData || error !== null || isStale
  return (
    <>
      {error !== null && <Failure of={`the latest state of ${of}`} error={error} onRetry={() => void refetch()} />}
      <div className={isOld ? 'old' : undefined} aria-busy={isPlaceholderData || undefined}>
        {children(data)}
      </div>
    </>
  )
}
