import type { Environment } from '../../../flags/index.ts'
import type { PersonRole } from './roles.ts'

/** What is kept of what an issuer says about somebody: the values of the claim that decides. */
export interface Claims {
  /** Which claim; sessions of earlier versions do not say. */
  readonly claim?: string
  readonly values: readonly string[]
}

/** One rule: whoever has this value of the claim gets this role. */
export interface ClaimRule {
  readonly value: string
  readonly role: PersonRole
  /** Where an operator may change something; null for everywhere. */
  readonly environments: readonly Environment[] | null
}

/** Which claim decides, and how. */
export interface ClaimMapping {
  readonly claim: string
  readonly rules: readonly ClaimRule[]
}

const RANK: Readonly<Record<PersonRole, number>> = { viewer: 1, operator: 2, administrator: 3 }

/**
 * The role that claims give: the highest of all rules that apply, an operator with the environments of all of them;
 * undefined for somebody to whom none applies.
 */
export function grantOf({ rules }: ClaimMapping, { values }: Claims) {
  const applying = rules.filter(({ value }) => values.includes(value))
  const role = applying.map((rule) => rule.role).sort((a, b) => RANK[b] - RANK[a])[0]
  if (role === undefined) return undefined
  const same = applying.filter((rule) => rule.role === role)
  const isEverywhere = same.some(({ environments }) => environments === null)
  return { role, environments: isEverywhere ? null : same.flatMap(({ environments }) => environments ?? []) }
}

/** The values of the claim that decides, as the issuer says them; an e-mail address counts only when it is verified. */
export function valuesOf({ claim }: Pick<ClaimMapping, 'claim'>, said: Readonly<Record<string, unknown>>): string[] {
  if (claim === 'email' && said['email_verified'] !== true) return []
  const value = said[claim]
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.filter((each) => typeof each === 'string')
}

/** Not a control, format or unassigned character, nor half of a pair: what can be stored, and shown in any place. */
const PLAIN_SUBJECT = /^\P{C}{1,255}$/u
const PLAIN_ADDRESS = /^[^\p{C}\s]{1,254}$/u

/**
 * What somebody is called: the verified address, or else the issuer's `sub`, of at most 255 characters (OpenID Connect
 * Core §2). Undefined for whom the issuer knows by a `sub` that is not plain text.
 */
export function nameOf(sub: string, said: Readonly<Record<string, unknown>>): string | undefined {
  if (!PLAIN_SUBJECT.test(sub)) return undefined
  const [address] = valuesOf({ claim: 'email' }, said)
  return address !== undefined && PLAIN_ADDRESS.test(address) ? address : sub
}

/** The one person that an issuer knows by `sub` (OpenID Connect Core §2: unique and never reassigned within it). */
export function subjectAt(issuer: string, sub: string): string {
  return `oidc:${issuer}#${sub}`
}
