import { type Query, QueryCache, QueryClient } from '@tanstack/react-query'
import { ApiProblem, isPassing } from './problem.ts'
import { leadToSignIn } from './sign-in.ts'

const KEPT_MS = 5 * 60_000

/**
 * The cache of what the API answered. Changes arrive by the event stream, so an answer stays current until the stream
 * says otherwise. Reads are tried three times when trying again may help; changes never are.
 */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError: followSignOut }),
    defaultOptions: {
      queries: {
        ...{ staleTime: Number.POSITIVE_INFINITY, gcTime: KEPT_MS, networkMode: 'always' },
        retry: (failures, error) => failures < 2 && isPassing(error),
        refetchOnWindowFocus: false,
      },
      mutations: { networkMode: 'always', retry: false, onError: followSignOut },
    },
  })
}

function followSignOut(error: unknown): void {
  if (error instanceof ApiProblem && error.kind === 'signed_out') leadToSignIn()
}

/**
 * For a query on which a person decides: it is read when the dialog opens, and never again while it is open. What changes
 * at the same time is refused by its version, and shown then.
 */
export const FROZEN = { gcTime: 0, meta: { isFrozen: true } } as const

/** Whether a query may be read again on its own. */
export function mayRefresh({ meta }: Pick<Query, 'meta'>): boolean {
  return meta?.['isFrozen'] !== true
}

/**
 * Whether a change of `topics` affects a query: a topic such as `rollouts/12` affects the keys that begin with its parts,
 * and those that name it in `meta.topics`.
 */
export function isAffected({ queryKey, meta }: Pick<Query, 'queryKey' | 'meta'>, topics: readonly string[]): boolean {
  const named = Array.isArray(meta?.['topics']) ? meta['topics'] : []
  return topics.some((topic) => {
    const parts = topic.split('/')
    return parts.every((part, at) => String(queryKey[at]) === part) || named.includes(parts[0])
  })
}
