import type { Environment } from '../../../flags/index.ts'
import type { UserRole } from './roles.ts'

/** What is stored of an issuer's claims: the values of the claim that decides the role. */
export interface Claims {
  /** The name of the claim; sessions of earlier versions do not store it. */
  readonly claim?: string
  readonly values: readonly string[]
}

/** One rule: a subject whose claim has this value receives this role. */
export interface ClaimRule {
  readonly value: string
  readonly role: UserRole
  /** The environments in which an operator may make changes; null for all. */
  readonly environments: readonly Environment[] | null
}

/** The claim that decides the role, and its rules. */
export interface ClaimMapping {
  readonly claim: string
  readonly rules: readonly ClaimRule[]
}

const RANK: Readonly<Record<UserRole, number>> = { viewer: 1, operator: 2, administrator: 3 }

/**
 * The role that the claims give: the highest of all matching rules, with the environments of all matching operator
 * rules; undefined if no rule matches.
 */
export function grantOf({ rules }: ClaimMapping, { values }: Claims) {
  const applying = rules.filter(({ value }) => values.includes(value))
  const role = applying.map((rule) => rule.role).sort((a, b) => RANK[b] - RANK[a])[0]
  if (role === undefined) return undefined
  const same = applying.filter((rule) => rule.role === role)
  const isEverywhere = same.some(({ environments }) => environments === null)
  return { role, environments: isEverywhere ? null : same.flatMap(({ environments }) => environments ?? []) }
}

/** The values of the deciding claim, as issued; an e-mail address counts only if it is verified. */
export function valuesOf({ claim }: Pick<ClaimMapping, 'claim'>, said: Readonly<Record<string, unknown>>): string[] {
  if (claim === 'email' && said['email_verified'] !== true) return []
  const value = said[claim]
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.filter((each) => typeof each === 'string')
}

/**
 * Neither a control, format or unassigned character nor a lone surrogate: text that can be stored and displayed
 * anywhere.
 */
const PLAIN_SUBJECT = /^\P{C}{1,255}$/u
const PLAIN_ADDRESS = /^[^\p{C}\s]{1,254}$/u

/**
 * The display name of a subject: the verified e-mail address, or else the issuer's `sub`, at most 255 characters
 * (OpenID Connect Core §2). Undefined if `sub` is not plain text.
 */
export function nameOf(sub: string, said: Readonly<Record<string, unknown>>): string | undefined {
  if (!PLAIN_SUBJECT.test(sub)) return undefined
  const [address] = valuesOf({ claim: 'email' }, said)
  return address !== undefined && PLAIN_ADDRESS.test(address) ? address : sub
}

/**
 * The unique key of the person whom an issuer identifies by `sub` (OpenID Connect Core §2: unique and never reassigned
 * within the issuer).
 */
export function subjectAt(issuer: string, sub: string): string {
  return `oidc:${issuer}#${sub}`
}
