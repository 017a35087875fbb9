import { z } from 'zod'

/**
 * The rules an authorization server may hold a client to beyond what Doorkeeper does (RFC 9700), and what each may say,
 * from Doorkeeper's way to the strictest. Spelt the same in an application's document, in the configuration and in code.
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
  /** Redirect addresses whose query holds what only an answer may hold, such as `code` (RFC 9700 §4.1). */
  reserved_in_redirect: ['accept', 'refuse'],
  /** `iss` in the authorization answer (RFC 9207; RFC 9700 §4.4.2.1). */
  response_iss: ['omit', 'send'],
  /** What a refresh token that comes again does to its family (RFC 9700 §4.14.2). */
  refresh_reuse: ['ignore', 'revoke'],
  /** What a code that comes again does to the tokens it gave (RFC 6749 §4.1.2; RFC 9700 §4.5). */
  code_replay: ['ignore', 'revoke'],
} as const

export type PolicyRule = keyof typeof POLICY_RULES

/** What one client is held to: every rule decided. */
export type Policy = { readonly [Rule in PolicyRule]: (typeof POLICY_RULES)[Rule][number] }

/** `compatible` is Doorkeeper's way in every rule, `strict` the other end of each. */
export const POLICY_PRESETS = ['compatible', 'strict'] as const
export type PolicyPreset = (typeof POLICY_PRESETS)[number]

/** The names of the rules, in their order. */
export const POLICY_RULE_NAMES = Object.keys(POLICY_RULES) as readonly PolicyRule[]

const ruleSchemas = Object.fromEntries(
  Object.entries(POLICY_RULES).map(([rule, values]) => [rule, z.enum(values).optional()]),
) as unknown as { readonly [Rule in PolicyRule]: z.ZodOptional<z.ZodEnum<{ [Value in Policy[Rule]]: Value }>> }

/**
 * What an application says of the rules it is to be held to: a preset, and single rules over it. It is strict, for a rule
 * that a server does not know is one that it would not keep.
 */
export const applicationPolicySchema = z.strictObject({
  preset: z.enum(POLICY_PRESETS).optional(),
  ...ruleSchemas,
})

/** See {@link applicationPolicySchema}. */
export type ApplicationPolicy = z.infer<typeof applicationPolicySchema>

/** A preset, written out. */
export function presetPolicy(preset: PolicyPreset): Policy {
  const at = preset === 'strict' ? -1 : 0
  return Object.fromEntries(POLICY_RULE_NAMES.map((rule) => [rule, POLICY_RULES[rule].at(at)])) as unknown as Policy
}

/** An application, or one rule of it, that an operator treats apart. */
export interface PolicyTarget {
  readonly clientId: string
  /** Undefined: every rule. */
  readonly rule: PolicyRule | undefined
}

/** Reads `CLIENT_ID` or `CLIENT_ID=RULE`; undefined when what stands behind the last equals sign is no rule. */
export function parsePolicyTarget(text: string): PolicyTarget | undefined {
  const equals = text.lastIndexOf('=')
  const rule = equals < 0 ? '' : text.slice(equals + 1)
  if (rule === '') return text === '' ? undefined : { clientId: text, rule: undefined }
  const known = POLICY_RULE_NAMES.find((name) => name === rule)
  return known === undefined || equals === 0 ? undefined : { clientId: text.slice(0, equals), rule: known }
}
