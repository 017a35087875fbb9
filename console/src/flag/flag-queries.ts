import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { useCaller } from '../api/caller.ts'
import type { Environment, FlagDocument, FlagHistoryDocument, PreviewDocument } from '../api/documents.ts'
import { FROZEN } from '../api/query-client.ts'
import { change, read } from '../api/request.ts'
import type { FlagWish } from './flag-wish.ts'

const REFRESH_MS = 5_000
const HISTORY_SIZE = 50

/** A flag in every environment. Events report one environment, so the others are read again every few seconds. */
export const flagQuery = (name: string, application: string | undefined) =>
  queryOptions({
    queryKey: ['flags', 'one', name, application ?? null],
    queryFn: ({ signal }) => {
      const query = { oauth_application: application }
      return read<FlagDocument>(`api/v1/flags/${encodeURIComponent(name)}`, { query, signal })
    },
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
    meta: { topics: ['applications'] },
  })

/** The latest changes of a flag in one environment, newest first. */
export const flagHistoryQuery = (name: string, environment: Environment) =>
  queryOptions({
    queryKey: ['flags', 'history', name, environment],
    queryFn: ({ signal }) => {
      const query = { environment, limit: HISTORY_SIZE }
      return read<FlagHistoryDocument>(`api/v1/flags/${encodeURIComponent(name)}/history`, { query, signal })
    },
  })

/** What a change would do, asked for as a dry run: nothing changes. */
export const wishPreviewQuery = ({ path, body }: FlagWish, csrfToken: string | null) =>
  queryOptions({
    queryKey: ['decision', 'flag', path, body],
    queryFn: ({ signal }) =>
      change<PreviewDocument>('POST', path, { body: { ...body, dry_run: true }, csrfToken, signal }),
    ...FROZEN,
  })

interface ConfirmedWish {
  readonly wish: FlagWish
  /** The state and the numbers on which the person decided. */
  readonly preview: PreviewDocument
  readonly reason: string
}

/** Changes a flag exactly as it was previewed: at another version of it, the control plane refuses. */
export function useFlagChange() {
  const queries = useQueryClient()
  const { csrfToken } = useCaller()
  return useMutation({
    mutationFn: ({ wish, preview, reason }: ConfirmedWish) => {
      const terms = { if_version: preview.version ?? 0, confirm: preview.impact.to_iam + preview.impact.to_rails }
      const body = { ...wish.body, ...terms, ...(reason === '' ? {} : { reason }) }
      return change('POST', wish.path, { body, csrfToken })
    },
    onSettled: () =>
      queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'me' && queryKey[0] !== 'decision' }),
  })
}
