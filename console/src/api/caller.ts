import { useQuery } from '@tanstack/react-query'
import type { Environment } from './documents.ts'
import { sessionQuery } from './queries.ts'

/** The caller as the pages need it; without a role until it is known. */
export interface Caller {
  readonly name: string | undefined
  readonly role: 'viewer' | 'operator' | 'administrator' | undefined
  readonly csrfToken: string | null
  /** Whether the caller may change flags, brake and rollouts of an environment. */
  readonly mayChange: (environment: Environment) => boolean
}

/** Who is signed in. Actions that the caller may not do are not rendered. */
export function useCaller(): Caller {
  const { data } = useQuery(sessionQuery)
  return {
    name: data?.name,
    role: data?.role,
    csrfToken: data?.csrf_token ?? null,
    mayChange: (environment) => data?.environments.includes(environment) ?? false,
  }
}
