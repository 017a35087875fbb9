import { z } from 'zod'
import { OUTCOME_KINDS, OUTCOME_SIDES } from '../../outcomes/index.ts'
import { INJECTED_FAULTS } from '../../probes/index.ts'
import { secretFileRule, secureUrlRule, wholeRule } from '../structure-rules.ts'

const NEED_USER = ['sign_in', 'device', 'password', 'userinfo'] as const
const NEED_SECRET = ['client_credentials', 'introspect'] as const

const twin = z
  .strictObject({
    name: z.string().regex(/^[\w.-]{1,64}$/, 'must be letters, digits, dots, dashes and underscores, at most 64'),
    client_id: z.string().min(1).max(255),
    secret_file: secretFileRule.optional().describe('Its secret; without it, the twin is a public client.'),
    authentication: z
      .enum(['client_secret_basic', 'client_secret_post'], 'must be client_secret_basic or client_secret_post')
      .default('client_secret_basic'),
    redirect_uri: z.string().min(1).max(2_048).describe('Nothing has to answer there.'),
    scope: z.string().max(2_048).default('').describe('Separated by spaces.'),
    pkce: z.boolean().default(true),
    kinds: z
      .array(z.enum(OUTCOME_KINDS, `must be one of ${OUTCOME_KINDS.join(', ')}`))
      .min(1, 'must name a kind of flow')
      .describe('The kinds of flow that it runs.'),
    cohort: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('The cohort that it stands for. Default: that of its own registration.'),
    sides: z
      .array(z.enum(OUTCOME_SIDES, 'must be rails or iam'))
      .default(['rails', 'iam'])
      .describe(
        'The sides on which it is probed by the clock, once an application has been moved; none: on demand only.',
      ),
    user: z
      .strictObject({ username: z.string().min(1).max(255), password_file: secretFileRule })
      .optional()
      .describe('The user that signs in and consents; a user of its own, without any rights.'),
    drills: z
      .boolean()
      .default(false)
      .describe('Only for drills, which break it on purpose: it stands for no application.'),
    faults: z
      .array(z.enum(INJECTED_FAULTS, `must be one of ${INJECTED_FAULTS.join(', ')}`))
      .default([])
      .describe('Faults that it injects on demand. too_many_requests needs a twin of its own.'),
  })
  .refine(({ kinds, user }) => user !== undefined || !kinds.some((kind) => NEED_USER.some((one) => one === kind)), {
    path: ['user'],
    message: `is required for ${NEED_USER.join(', ')}`,
  })
  .refine(
    ({ kinds, secret_file }) =>
      secret_file !== undefined || !kinds.some((kind) => NEED_SECRET.some((one) => one === kind)),
    { path: ['secret_file'], message: `is required for ${NEED_SECRET.join(', ')}` },
  )

/** Everything under `probes` in the section of the control plane. */
export const probesSchema = z.strictObject({
  url: secureUrlRule.describe('The public origin, as clients know it: that of the gateways.'),
  step_seconds: wholeRule(1, 120).default(10).describe('Time limit of one request.'),
  iam_requests_per_second: wholeRule(1, 1_000_000)
    .default(200)
    .describe('How many requests a second IAM can serve; scheduled probes use at most 1 % of that.'),
  twins: z
    .array(twin)
    .min(1, 'must name a twin')
    .max(100)
    .refine((twins) => new Set(twins.map(({ name }) => name)).size === twins.length, 'must have distinct names')
    .describe('Applications that stand for the real ones.'),
})
