import { z } from 'zod'

/**
 * The rules that an authorization server may impose on a client in addition to Doorkeeper's (RFC 9700), with the values
 * of each, from Doorkeeper's behaviour to the strictest. Spelled the same in an application's document, in the
 * configuration and in code.
 */
export const POLICY_RULES = {
  /** Who must send a code challenge (RFC 7636; RFC 9700 §2.1.1). */
  require_pkce: ['none', 'public', 'all'],
  /** The challenge method `plain` (RFC 7636 §4.2, §7.2; RFC 9700 §2.1.1). */
  plain_pkce: ['accept', 'refuse'],
  /** The resource owner password credentials grant (RFC 9700 §2.4). */
  password_grant: ['accept', 'refuse'],
  /** Access tokens in a request URI (RFC 6750 §2.3; RFC 9700 §4.3.2). */
  token_in_query: ['accept', 'refuse'],
  /** Client secrets, codes, refresh tokens and passwords in the URI of a POST (RFC 6749 §2.3.1). */
  secret_in_query: ['accept', 'refuse'],
  /** How a redirect address is compared (RFC 9700 §2.1, §4.1.3; RFC 8252 §7.3). */
  redirect_match: ['loose', 'exact'],
  /**
   * Redirect addresses with a query parameter that only an authorization response may contain, such as `code` (RFC 9700
   * §4.1).
   */
  reserved_in_redirect: ['accept', 'refuse'],
  /** `iss` in the authorization response (RFC 9207; RFC 9700 §4.4.2.1). */
  response_iss: ['omit', 'send'],
  /** What the reuse of a refresh token does to its family (RFC 9700 §4.14.2). */
  refresh_reuse: ['ignore', 'revoke'],
  /** What the replay of a code does to the tokens issued for it (RFC 6749 §4.1.2; RFC 9700 §4.5). */
  code_replay: ['ignore', 'revoke'],
} as const

export type PolicyRule = keyof typeof POLICY_RULES

/** The policy of one client: a value for every rule. */
export type Policy = { readonly [Rule in PolicyRule]: (typeof POLICY_RULES)[Rule][number] }

/** `compatible` is Doorkeeper's behaviour for every rule, `strict` the strictest value of each. */
export const POLICY_PRESETS = ['compatible', 'strict'] as const
export type PolicyPreset = (typeof POLICY_PRESETS)[number]

/** The names of the rules, in order. */
export const POLICY_RULE_NAMES = Object.keys(POLICY_RULES) as readonly PolicyRule[]

const ruleSchemas = Object.fromEntries(
  Object.entries(POLICY_RULES).map(([rule, values]) => [rule, z.enum(values).optional()]),
) as unknown as { readonly [Rule in PolicyRule]: z.ZodOptional<z.ZodEnum<{ [Value in Policy[Rule]]: Value }>> }

/**
 * An application's own policy: a preset, and single rules that override it. Unknown rules are rejected, because a
 * server could not enforce them.
 */
export const applicationPolicySchema = z.strictObject({
  preset: z.enum(POLICY_PRESETS).optional(),
  ...ruleSchemas,
})

/** The type of {@link applicationPolicySchema}. */
export type ApplicationPolicy = z.infer<typeof applicationPolicySchema>

/** The value of every rule under a preset. */
export function presetPolicy(preset: PolicyPreset): Policy {
  const at = preset === 'strict' ? -1 : 0
  return Object.fromEntries(POLICY_RULE_NAMES.map((rule) => [rule, POLICY_RULES[rule].at(at)])) as unknown as Policy
}

/** An application, or one of its rules, that an operator treats differently. */
export interface PolicyTarget {
  readonly clientId: string
  /** Undefined: every rule. */
  readonly rule: PolicyRule | undefined
}

/** Parses `CLIENT_ID` or `CLIENT_ID=RULE`; undefined when the text after the last equal sign is not a rule. */
export function parsePolicyTarget(text: string): PolicyTarget | undefined {
  const equals = text.lastIndexOf('=')
  const rule = equals < 0 ? '' : text.slice(equals + 1)
  if (rule === '') return text === '' ? undefined : { clientId: text, rule: undefined }
  const known = POLICY_RULE_NAMES.find((name) => name === rule)
  return known === undefined || equals === 0 ? undefined : { clientId: text.slice(0, equals), rule: known }
}
