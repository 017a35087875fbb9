import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'

/**
 * What a caller may do: `viewer` reads everything, `operator` also changes the flags and the brake of its environments,
 * `administrator` changes everything; `gateway` and `replication` are programs with their own routes.
 */
export const ROLES = ['viewer', 'operator', 'administrator', 'gateway', 'replication'] as const
export type Role = (typeof ROLES)[number]

/** The roles of people. */
export const PEOPLE = ['viewer', 'operator', 'administrator'] as const satisfies readonly Role[]
export type UserRole = (typeof PEOPLE)[number]

/** The roles that may change flags and the brake. */
export const OPERATORS = ['operator', 'administrator'] as const satisfies readonly Role[]

/** The roles that read decisions and flags. */
export const READERS: readonly Role[] = [...PEOPLE, 'gateway', 'replication']

/** The authenticated caller of a request. */
export interface Caller {
  readonly role: Role
  readonly name: string
  /** The environments in which the caller may make changes; for a gateway, the environments that it may follow. */
  readonly environments: readonly Environment[]
  readonly by:
    | { readonly kind: 'token'; readonly id: number; readonly expiresAt: Date | null }
    | {
        readonly kind: 'session'
        readonly id: number
        /** The unique key of this person among the people of all issuers. */
        readonly subject: string
        readonly expiresAt: Date
        /** The token that the pages of the session send with every change. */
        readonly csrfToken: string
      }
}

/** The roles that can be bound to environments. */
export const BOUND_ROLES: readonly Role[] = ['operator', 'gateway']

/**
 * The environments in which a role may make changes or a gateway may follow; `limits` (none: all) restrict {@link
 * BOUND_ROLES}.
 */
export function environmentsOf(role: Role, limits: readonly Environment[] | null): readonly Environment[] {
  if (role === 'administrator') return ENVIRONMENTS
  return BOUND_ROLES.includes(role) ? (limits ?? ENVIRONMENTS) : []
}

/** Whether a role is a role of people. */
export function isUserRole(role: Role): role is UserRole {
  return PEOPLE.some((each) => each === role)
}

/** Identifies the sessions of one person. A name is not enough, because two tokens may have the same name. */
export function subjectOf({ by }: Caller): string {
  return by.kind === 'session' ? by.subject : subjectOfToken(by.id)
}

/** The subject of sessions that were started with a token. */
export function subjectOfToken(id: number): string {
  return `token:#${id}`
}
