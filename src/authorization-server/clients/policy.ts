import type { PolicyPreset } from '../../applications/index.ts'
import {
  type ApplicationPolicy,
  POLICY_RULE_NAMES,
  POLICY_RULES,
  type Policy,
  type PolicyRule,
  type PolicyTarget,
  presetPolicy,
} from '../../applications/index.ts'

/** What an operator holds clients to beyond Doorkeeper's rules (RFC 9700); `policyFor` decides for one of them. */
export interface InstancePolicy {
  /** Default `compatible`. */
  readonly preset?: PolicyPreset
  /** Over the preset. */
  readonly rules?: Partial<Policy>
  /** Whom the above does not concern: they are held to what their own documents say. */
  readonly exempt?: readonly PolicyTarget[]
  /** Who is held to the strictest, whatever is said elsewhere. */
  readonly strictFor?: readonly PolicyTarget[]
}

/** As much of an application as its policy rests on. */
export interface PolicySubject {
  readonly client_id: string
  readonly policy?: ApplicationPolicy | undefined
}

const DOORKEEPERS = presetPolicy('compatible')
const STRICTEST = presetPolicy('strict')

/** An operator's policy, worked out as far as it is the same for every client. */
export interface ResolvedPolicy {
  /** What clients are held to that nothing else is said about. */
  readonly general: Policy
  readonly exempt: readonly PolicyTarget[]
  readonly strictFor: readonly PolicyTarget[]
}

/** Fills in the preset. */
export function resolvePolicy({ preset, rules, exempt = [], strictFor = [] }: InstancePolicy = {}): ResolvedPolicy {
  return { general: { ...presetPolicy(preset ?? 'compatible'), ...said(rules) }, exempt, strictFor }
}

/**
 * What a client is held to: of the instance's word and the application's own, the stricter, rule by rule. An operator may
 * exempt an application, which leaves its own word, and may hold one to the strictest, which leaves nothing (ADR 11).
 */
export function policyFor(instance: ResolvedPolicy, application: PolicySubject): Policy {
  const { general, exempt, strictFor } = instance
  const isApart = [...exempt, ...strictFor].some(({ clientId }) => clientId === application.client_id)
  if (application.policy === undefined && !isApart) return general
  const own = { ...presetPolicy(application.policy?.preset ?? 'compatible'), ...said(application.policy) }
  const decided = POLICY_RULE_NAMES.map((rule) => {
    if (isNamed(strictFor, application, rule)) return [rule, STRICTEST[rule]]
    const base = isExempt(exempt, application, rule) ? DOORKEEPERS : general
    return [rule, stricter(rule, base, own)]
  })
  return Object.fromEntries(decided) as Policy
}

/** Whether any client at all may use the password grant. */
export function isPasswordGrantOffered({ general, exempt }: ResolvedPolicy): boolean {
  return (
    general.password_grant === 'accept' || exempt.some(({ rule }) => rule === undefined || rule === 'password_grant')
  )
}

/**
 * Naming an application exempts it from what is refused or revoked. `iss` takes nothing from a client, and one that reads
 * discovery rejects an answer without it (RFC 9207 §2.4), so it is left out only where the rule is named too.
 */
function isExempt(targets: readonly PolicyTarget[], application: PolicySubject, rule: PolicyRule): boolean {
  return rule === 'response_iss'
    ? targets.some((target) => target.rule === rule && target.clientId === application.client_id)
    : isNamed(targets, application, rule)
}

function isNamed(targets: readonly PolicyTarget[], application: PolicySubject, rule: PolicyRule): boolean {
  return targets.some(
    (target) => target.clientId === application.client_id && (target.rule === undefined || target.rule === rule),
  )
}

function stricter(rule: PolicyRule, one: Policy, other: Policy): string {
  const values: readonly string[] = POLICY_RULES[rule]
  return values.indexOf(one[rule]) >= values.indexOf(other[rule]) ? one[rule] : other[rule]
}

/** The rules of a partial policy that say something. */
function said(policy: Partial<Policy> | ApplicationPolicy | undefined): Partial<Policy> {
  const told = POLICY_RULE_NAMES.flatMap((rule) => (policy?.[rule] === undefined ? [] : [[rule, policy[rule]]]))
  return Object.fromEntries(told) as Partial<Policy>
}
