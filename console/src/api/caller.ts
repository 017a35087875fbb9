import { useQuery } from '@tanstack/react-query'
import type { Environment, MeDocument, Verb } from './documents.ts'
import { meQuery } from './queries.ts'

/** The caller as the pages need it; it may do nothing until it is known. */
export interface Caller {
  readonly me: MeDocument | undefined
  /** Sent with every change, to prove that it comes from a page of this session. */
  readonly csrfToken: string | null
  /** Whether the caller may do something in an environment. What it may not do is not rendered. */
  readonly may: (verb: Verb, environment: Environment) => boolean
}

/** Who is signed in. */
export function useCaller(): Caller {
  const { data: me } = useQuery(meQuery)
  return {
    me,
    csrfToken: me?.csrf_token ?? null,
    may: (verb, environment) =>
      me?.environments.find((one) => one.environment === environment)?.may.includes(verb) ?? false,
  }
}
