import { z } from 'zod'
import { secretFileRule, secureUrlRule, wholeRule } from '../structure-rules.ts'

const LOOPBACK_HOST = /^(127\.\d+\.\d+\.\d+|localhost|::1)$/
const mailbox = z
  .string()
  .max(320)
  .regex(
    /^(?:[^<>\r\n]*<[^\s<>@,;]+@[^\s<>@,;]+>|[^\s<>@,;]+@[^\s<>@,;]+)$/,
    'must be an e-mail address, such as sre@example.com',
  )

const slack = z.strictObject({
  token_file: secretFileRule.describe('The bot token of a Slack app with the scope chat:write.'),
  channel: z
    .string()
    .regex(/^[A-Z0-9]{2,32}$/, "must be one of Slack's ids, such as C0123ABCD")
    .describe('The channel in which each rollout has a thread.'),
  api_url: secureUrlRule.default('https://slack.com/api').describe('The base of the Web API, such as a proxy.'),
})

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).href === `${new URL(text).origin}/`
}

const webhook = z.strictObject({
  url: secureUrlRule.describe('Receives each message as JSON.'),
  secret_file: secretFileRule.describe(
    'The key of the signature (Standard Webhooks): whsec_ and base64, or text of at least 24 characters.',
  ),
  plan_origins: z
    .array(secureUrlRule.refine((text) => isOrigin(text), 'must be an origin, such as https://hooks.example'))
    .max(50)
    .default([])
    .describe('Origins of the webhooks that a plan may name. Default: none, so only the configured webhook is called.'),
})

const email = z
  .strictObject({
    host: z.string().min(1).describe('The mail server.'),
    port: wholeRule(1, 65_535).default(587),
    tls: z
      .enum(['implicit', 'starttls', 'none'], 'must be implicit, starttls or none')
      .default('starttls')
      .describe('none is accepted for a loopback address only.'),
    ca_file: secretFileRule.optional().describe('Certificate authorities in PEM, instead of the well-known ones.'),
    user: z.string().min(1).optional(),
    password_file: secretFileRule.optional(),
    from: mailbox,
    to: z.array(mailbox).min(1, 'must name a recipient').max(50),
  })
  .refine(({ user, password_file }) => (user === undefined) === (password_file === undefined), {
    path: ['password_file'],
    message: 'must be given together with user',
  })
  .refine(({ tls, host }) => tls !== 'none' || LOOPBACK_HOST.test(host), {
    path: ['tls'],
    message: 'must not be none, except for a loopback address',
  })

/** Everything under `notifications` in the section of the control plane. */
export const notificationsSchema = z.strictObject({
  slack: slack.optional().describe('One thread for each rollout.'),
  webhook: webhook.optional(),
  email: email.optional(),
  interval_seconds: wholeRule(60, 86_400)
    .default(60)
    .describe('The minimum time between two messages about one rollout on one channel.'),
})
