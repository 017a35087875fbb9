import {
  type ApplicationPolicy,
  POLICY_RULE_NAMES,
  POLICY_RULES,
  type Policy,
  type PolicyRule,
  type PolicyTarget,
  presetPolicy,
} from '../applications/index.ts'
import type { InstancePolicy } from './ports.ts'

/** As much of an application as its policy rests on. */
export interface PolicySubject {
  readonly client_id: string
  readonly policy?: ApplicationPolicy | undefined
}

const DOORKEEPERS = presetPolicy('compatible')

/**
 * What a client is held to: of the instance's word and the application's own, the stricter, rule by rule. An operator may
 * exempt an application, which leaves its own word, and may hold one to the strictest, which leaves nothing (ADR 11).
 * Without an application: what the instance holds the unknown to.
 */
export function policyFor(instance: InstancePolicy, application?: PolicySubject): Policy {
  const general = { ...presetPolicy(instance.preset ?? 'compatible'), ...said(instance.rules) }
  if (application === undefined) return general
  const own = { ...presetPolicy(application.policy?.preset ?? 'compatible'), ...said(application.policy) }
  const strict = presetPolicy('strict')
  const decided = POLICY_RULE_NAMES.map((rule) => {
    if (isNamed(instance.strictFor, application, rule)) return [rule, strict[rule]]
    const base = isExempt(instance, application, rule) ? DOORKEEPERS : general
    return [rule, stricter(rule, base, own)]
  })
  return Object.fromEntries(decided) as Policy
}

/** Whether any client at all may use the password grant. */
export function isPasswordGrantOffered(instance: InstancePolicy): boolean {
  if (policyFor(instance).password_grant === 'accept') return true
  return (instance.exempt ?? []).some(({ rule }) => rule === undefined || rule === 'password_grant')
}

/**
 * Naming an application exempts it from what is refused or revoked. `iss` takes nothing from a client, and one that reads
 * discovery rejects an answer without it (RFC 9207 §2.4), so it is left out only where the rule is named too.
 */
function isExempt(instance: InstancePolicy, application: PolicySubject, rule: PolicyRule): boolean {
  const targets = instance.exempt ?? []
  return rule === 'response_iss'
    ? targets.some((target) => target.rule === rule && target.clientId === application.client_id)
    : isNamed(targets, application, rule)
}

function isNamed(targets: readonly PolicyTarget[] = [], application: PolicySubject, rule: PolicyRule): boolean {
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
