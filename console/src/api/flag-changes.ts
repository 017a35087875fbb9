import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { useCaller } from './caller.ts'
import type { Environment, FeatureDocument, PreviewDocument } from './documents.ts'
import { FROZEN } from './query-client.ts'
import { change } from './request.ts'

/** The flag that moves applications. */
export const ROUTING_FLAG = 'proxy_oauth_requests_to_iam_service'

/**
 * A move of applications by the flag: to iam by their actor gates, or back to rails by switching these off, with an
 * opt-out where another gate covers an application. A later move to iam ends such an opt-out.
 */
export interface Move {
  readonly environment: Environment
  readonly to: 'iam' | 'rails'
  /** Ids of applications, at most 1,000. */
  readonly applications: readonly number[]
}

const path = `api/v4/features/${ROUTING_FLAG}`
const parametersOf = ({ environment, to, applications }: Move) => ({
  environment,
  value: to === 'iam' ? 'true' : 'false',
  oauth_application: applications.join(','),
})

/** What a move would do, asked for as a dry run: nothing changes. */
export const movePreviewQuery = (move: Move, csrfToken: string | null) =>
  queryOptions({
    queryKey: ['decision', 'move', move],
    queryFn: ({ signal }) =>
      change<PreviewDocument>('POST', path, { body: { ...parametersOf(move), dry_run: true }, csrfToken, signal }),
    ...FROZEN,
  })

interface ConfirmedMove {
  readonly move: Move
  /** The state and the numbers on which the person decided. */
  readonly preview: PreviewDocument
  readonly reason: string
}

/** Makes a move exactly as it was previewed: at another version of the flag, the control plane refuses. */
export function useMove() {
  const queries = useQueryClient()
  const { csrfToken } = useCaller()
  return useMutation({
    mutationFn: ({ move, preview, reason }: ConfirmedMove) => {
      const terms = { if_version: preview.version ?? 0, confirm: preview.impact.to_iam + preview.impact.to_rails }
      const body = { ...parametersOf(move), ...terms, ...(reason === '' ? {} : { reason }) }
      return change<FeatureDocument>('POST', path, { body, csrfToken })
    },
    onSettled: () =>
      queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'me' && queryKey[0] !== 'decision' }),
  })
}
