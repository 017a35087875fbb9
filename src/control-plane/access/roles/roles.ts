import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'

/**
 * What a caller may do: `viewer` reads everything, `operator` also changes flags and brake of its environments,
 * `administrator` everything; `gateway` and `replication` are programs with routes of their own.
 */
export const ROLES = ['viewer', 'operator', 'administrator', 'gateway', 'replication'] as const
export type Role = (typeof ROLES)[number]

/** The roles of people. */
export const PEOPLE = ['viewer', 'operator', 'administrator'] as const satisfies readonly Role[]
export type PersonRole = (typeof PEOPLE)[number]

/** Who may change flags and brake. */
export const OPERATORS = ['operator', 'administrator'] as const satisfies readonly Role[]

/** Readers of decisions and flags. */
export const READERS: readonly Role[] = [...PEOPLE, 'gateway', 'replication']

/** Whoever a request comes from. */
export interface Caller {
  readonly role: Role
  readonly name: string
  /** The environments in which the caller may change something; of a gateway, those that it may follow. */
  readonly environments: readonly Environment[]
  readonly by:
    | { readonly kind: 'token'; readonly id: number; readonly expiresAt: Date | null }
    | {
        readonly kind: 'session'
        readonly id: number
        /** The one person this is, among the people of all issuers. */
        readonly subject: string
        readonly expiresAt: Date
        /** What the pages of the session send along with what changes something. */
        readonly csrfToken: string
      }
}

/** The roles that can be bound to environments. */
export const BOUND_ROLES: readonly Role[] = ['operator', 'gateway']

/** Where a role may change something, or a gateway may follow; `limits` (none: everywhere) bind {@link BOUND_ROLES}. */
export function environmentsOf(role: Role, limits: readonly Environment[] | null): readonly Environment[] {
  if (role === 'administrator') return ENVIRONMENTS
  return BOUND_ROLES.includes(role) ? (limits ?? ENVIRONMENTS) : []
}

/** Whether a role is one of people. */
export function isPersonRole(role: Role): role is PersonRole {
  return PEOPLE.some((each) => each === role)
}

/** What tells the sessions of one person from those of others; a name does not, because two tokens may share it. */
export function subjectOf({ by }: Caller): string {
  return by.kind === 'session' ? by.subject : subjectOfToken(by.id)
}

/** The subject of the sessions that a token began. */
export function subjectOfToken(id: number): string {
  return `token:#${id}`
}
