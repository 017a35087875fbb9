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

/**
 * The rules an operator imposes on clients in addition to Doorkeeper's (RFC 9700); `policyFor` evaluates them for one
 * client.
 */
export interface InstancePolicy {
  /** Default `compatible`. */
  readonly preset?: PolicyPreset
  /** Overrides the preset rule by rule. */
  readonly rules?: Partial<Policy>
  /** Applications that are exempt from the above: only their own documents apply. */
  readonly exempt?: readonly PolicyTarget[]
  /** Applications that must follow every rule, regardless of other settings. */
  readonly strictFor?: readonly PolicyTarget[]
}

/** The fields of an application that its policy depends on. */
export interface PolicySubject {
  readonly client_id: string
  readonly policy?: ApplicationPolicy | undefined
}

const DOORKEEPERS = presetPolicy('compatible')
const STRICTEST = presetPolicy('strict')

/** An operator's policy, resolved as far as it is the same for every client. */
export interface ResolvedPolicy {
  /** The policy of clients without settings of their own. */
  readonly general: Policy
  readonly exempt: readonly PolicyTarget[]
  readonly strictFor: readonly PolicyTarget[]
}

/** Resolves the preset into rules. */
export function resolvePolicy({ preset, rules, exempt = [], strictFor = [] }: InstancePolicy = {}): ResolvedPolicy {
  return { general: { ...presetPolicy(preset ?? 'compatible'), ...said(rules) }, exempt, strictFor }
}

/**
 * The policy of a client: rule by rule, the stricter of the instance's and the application's own. An exemption by the
 * operator leaves only the application's own document; `strictFor` overrides both (ADR 11).
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

/** Whether at least one client may use the password grant. */
export function isPasswordGrantOffered({ general, exempt }: ResolvedPolicy): boolean {
  return (
    general.password_grant === 'accept' || exempt.some(({ rule }) => rule === undefined || rule === 'password_grant')
  )
}

/**
 * Naming an application exempts it from every rule that rejects or revokes. `iss` takes nothing away from a client, and
 * a client that reads discovery rejects an answer without it (RFC 9207 §2.4), so exempting from it requires naming the
 * rule.
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

/** The rules that a partial policy sets. */
function said(policy: Partial<Policy> | ApplicationPolicy | undefined): Partial<Policy> {
  const told = POLICY_RULE_NAMES.flatMap((rule) => (policy?.[rule] === undefined ? [] : [[rule, policy[rule]]]))
  return Object.fromEntries(told) as Partial<Policy>
}
