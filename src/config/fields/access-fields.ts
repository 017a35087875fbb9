import { z } from 'zod'
import { httpUrlRule, secretFileRule, secureUrlRule, wholeRule } from '../structure-rules.ts'

const environment = z.enum(
  ['dev', 'pre', 'staging', 'staging-ref', 'production'],
  'must be one of dev, pre, staging, staging-ref, production',
)

const rule = z
  .strictObject({
    value: z.string().min(1, 'must not be empty').describe('A group, or an address: a value of the claim.'),
    role: z.enum(['viewer', 'operator', 'administrator'], 'must be viewer, operator or administrator'),
    environments: z
      .array(environment)
      .min(1, 'must name an environment')
      .optional()
      .describe('Where an operator may change something. Default: everywhere.'),
  })
  .refine(({ role, environments }) => role === 'operator' || environments === undefined, {
    path: ['environments'],
    message: 'bind an operator; no other role',
  })

const oidc = z.strictObject({
  issuer: secureUrlRule.describe('The OpenID provider.'),
  endpoint_origin: secureUrlRule
    .refine((text) => !URL.canParse(text) || new URL(text).pathname === '/', 'must be an origin, without a path')
    .optional()
    .describe('Where its endpoints are reached, where its discovery document names another origin.'),
  client_id: z.string().min(1, 'must not be empty'),
  client_secret_file: secretFileRule,
  redirect_url: secureUrlRule.describe('The public origin of the control plane and /sign-in/oidc/callback.'),
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope')).default(['openid', 'email']),
  claim: z.string().min(1, 'must not be empty').default('groups').describe('groups, email, or any other list or text.'),
  rules: z.array(rule).min(1, 'must give somebody a role').describe('Whoever has the value gets the role.'),
})

/** Everything under `access` in the section of the control plane. */
export const accessSchema = z.strictObject({
  public_url: httpUrlRule
    .refine((text) => !URL.canParse(text) || new URL(text).pathname === '/', 'must be an origin, without a path')
    .optional()
    .describe('The origin under which browsers know the control plane. With https, cookies go by https alone.'),
  session_idle_minutes: wholeRule(1, 1_440).default(60).describe('A session that nobody uses ends after so long.'),
  session_hours: wholeRule(1, 168).default(12).describe('Any session ends after so long.'),
  oidc: oidc.optional().describe('Sign-in by OpenID Connect.'),
})
