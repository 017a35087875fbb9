import { POLICY_RULE_NAMES, type Policy, type PolicyTarget, parsePolicyTarget } from '../../../applications/index.ts'
import type { InstancePolicy } from '../../../authorization-server/index.ts'
import type { Settings } from '../../../config/index.ts'

/** The policy options as settings of an authorization server. */
export function instancePolicy(settings: Settings<'iam' | 'monolith'>): {
  readonly policy: InstancePolicy
  readonly reuseGraceSeconds: number
} {
  const rules = POLICY_RULE_NAMES.flatMap((rule) => (settings[rule] === undefined ? [] : [[rule, settings[rule]]]))
  return {
    policy: {
      preset: settings.policy,
      rules: Object.fromEntries(rules) as Partial<Policy>,
      exempt: targets(settings.policy_exempt),
      strictFor: targets(settings.policy_strict_for),
    },
    reuseGraceSeconds: settings.reuse_grace_seconds,
  }
}

function targets(texts: readonly string[]): PolicyTarget[] {
  return texts.map(parsePolicyTarget).filter((target) => target !== undefined)
}
