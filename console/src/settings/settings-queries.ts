import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { useCaller } from '../api/caller.ts'
import type {
  ChannelsDocument,
  CreatedTokenDocument,
  Environment,
  SessionDocument,
  SideEffectDocument,
  TokenDocument,
} from '../api/documents.ts'
import { change, read } from '../api/request.ts'

export const channelsQuery = queryOptions({
  queryKey: ['channels'],
  queryFn: ({ signal }) => read<ChannelsDocument>('api/v1/notification-channels', { signal }),
  meta: { topics: ['rollouts'] },
})

export const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  queryFn: ({ signal }) => read<{ tokens: TokenDocument[] }>('api/v1/tokens', { signal }),
})

export const sessionsQuery = queryOptions({
  queryKey: ['sessions'],
  queryFn: ({ signal }) => read<{ sessions: SessionDocument[] }>('api/v1/sessions', { signal }),
})

/** The most that the page shows; the rest appears as these are dealt with. */
export const MOST_SIDE_EFFECTS = 200

export const failedSideEffectsQuery = queryOptions({
  queryKey: ['side_effects', 'failed'],
  queryFn: ({ signal }) =>
    read<{ side_effects: SideEffectDocument[] }>('api/v1/side-effects', {
      query: { state: 'dead', limit: MOST_SIDE_EFFECTS },
      signal,
    }),
})

/** What a new token is to be. */
export interface TokenWish {
  readonly role: TokenDocument['role']
  readonly name: string
  readonly days: number
  /** Left out, it may change every environment that its role may change. */
  readonly environments?: readonly Environment[]
}

/** A change of what this page shows, by method and path; what it shows is read again whatever came of it. */
function useSettingsChange<Wish, Document>(topic: string, requestOf: (wish: Wish) => [string, string, unknown?]) {
  const queries = useQueryClient()
  const { csrfToken } = useCaller()
  return useMutation({
    mutationFn: (wish: Wish) => {
      const [method, path, body] = requestOf(wish)
      return change<Document>(method, path, { body, csrfToken })
    },
    onSettled: () => queries.invalidateQueries({ queryKey: [topic] }),
  })
}

export const useTokenCreation = () =>
  useSettingsChange<TokenWish, CreatedTokenDocument>('tokens', (wish) => ['POST', 'api/v1/tokens', wish])

export const useTokenRevocation = () =>
  useSettingsChange<number, undefined>('tokens', (id) => ['DELETE', `api/v1/tokens/${id}`])

export const useSessionEnd = () =>
  useSettingsChange<number, undefined>('sessions', (id) => ['DELETE', `api/v1/sessions/${id}`])

export const useSideEffectRetry = () =>
  useSettingsChange<number, SideEffectDocument>('side_effects', (id) => ['POST', `api/v1/side-effects/${id}/retry`])

export const useSideEffectDrop = () =>
  useSettingsChange<number, undefined>('side_effects', (id) => ['DELETE', `api/v1/side-effects/${id}`])
