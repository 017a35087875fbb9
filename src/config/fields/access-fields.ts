import { z } from 'zod'
import { httpUrlRule, secretFileRule, secureUrlRule, wholeRule } from '../structure-rules.ts'

const environment = z.enum(
  ['dev', 'pre', 'staging', 'staging-ref', 'production'],
  'must be one of dev, pre, staging, staging-ref, production',
)

const rule = z
  .strictObject({
    value: z
      .string()
      .min(1, 'must not be empty')
      .describe('A value of the claim, such as a group or an email address.'),
    role: z.enum(['viewer', 'operator', 'administrator'], 'must be viewer, operator or administrator'),
    environments: z
      .array(environment)
      .min(1, 'must name an environment')
      .optional()
      .describe('Where an operator may make changes. Default: everywhere.'),
  })
  .refine(({ role, environments }) => role === 'operator' || environments === undefined, {
    path: ['environments'],
    message: 'are only valid for the role operator',
  })

const oidc = z.strictObject({
  issuer: secureUrlRule.describe('The OpenID provider.'),
  endpoint_origin: secureUrlRule
    .refine((text) => !URL.canParse(text) || new URL(text).pathname === '/', 'must be an origin, without a path')
    .optional()
    .describe(
      'The origin at which its endpoints are reachable, if that differs from the one in its discovery document.',
    ),
  client_id: z.string().min(1, 'must not be empty'),
  client_secret_file: secretFileRule,
  redirect_url: secureUrlRule.describe('The public origin of the control plane, followed by /sign-in/oidc/callback.'),
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope')).default(['openid', 'email']),
  claim: z
    .string()
    .min(1, 'must not be empty')
    .default('groups')
    .describe('groups, email, or any other claim that holds a string or a list.'),
  rules: z
    .array(rule)
    .min(1, 'must contain at least one rule')
    .describe('A user whose claim contains the value gets the role.'),
})

/** Everything under `access` in the section of the control plane. */
export const accessSchema = z.strictObject({
  public_url: httpUrlRule
    .refine((text) => !URL.canParse(text) || new URL(text).pathname === '/', 'must be an origin, without a path')
    .optional()
    .describe('The origin of the control plane in browsers. With https, cookies are sent over https only.'),
  session_idle_minutes: wholeRule(1, 1_440)
    .default(60)
    .describe('Minutes without activity after which a session ends.'),
  session_hours: wholeRule(1, 168).default(12).describe('Hours after which any session ends.'),
  oidc: oidc.optional().describe('Sign-in with OpenID Connect.'),
})
