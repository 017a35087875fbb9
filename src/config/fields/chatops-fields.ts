import { z } from 'zod'
import { ENVIRONMENT_NAMES } from '../environment-names.ts'
import { httpUrlRule, projectRule, secretFileRule, secureUrlRule, wholeRule } from '../structure-rules.ts'

const environment = z.enum(ENVIRONMENT_NAMES, `must be one of ${ENVIRONMENT_NAMES.join(', ')}`)
const slackId = z.string().regex(/^[A-Z0-9]{2,32}$/, "must be one of Slack's ids, such as C0123ABCD")
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 18:00')
const instant = z
  .union([z.date(), z.iso.datetime({ offset: true, error: 'must be a time such as 2026-12-20T00:00:00Z' })])
  .transform((value) => new Date(value).getTime())

const productionCheck = z.strictObject({
  wait_seconds: wholeRule(0, 3_600).default(300).describe('How long to wait for temporary obstacles to clear.'),
  poll_seconds: wholeRule(1, 60).default(2).describe('How often to check while waiting.'),
  min_gateways: wholeRule(0, 1_000).default(1).describe('Minimum number of connected production gateways.'),
  max_lag_seconds: wholeRule(1, 3_600).default(10).describe('How long a gateway may lag behind the newest flags.'),
  max_failure_percent: wholeRule(0, 100)
    .default(20)
    .describe('Percentage of 5xx responses above which a side counts as unhealthy.'),
})

const freeze = z
  .strictObject({ from: instant, until: instant, why: z.string().min(1) })
  .refine(({ from, until }) => from < until, 'must end after it begins')
const weeklyFreeze = z.strictObject({
  days: z.array(z.enum(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'])).min(1, 'must name a day'),
  from: time.default('00:00').describe('UTC.'),
  until: time.default('00:00').describe('UTC; on the next day unless it is later than `from`.'),
  why: z.string().min(1),
})

const person = z.strictObject({
  slack_id: slackId,
  name: z
    .string()
    .min(1)
    .max(100)
    .describe('The name recorded with their changes; use the name of their token, if they have one.'),
  role: z.enum(['viewer', 'operator'], 'must be viewer or operator'),
  environments: z.array(environment).optional().describe('Where an operator may make changes. Default: everywhere.'),
})

const slack = z.strictObject({
  signing_secret_file: secretFileRule.describe('The signing secret of the Slack app.'),
  team_ids: z
    .array(slackId)
    .default([])
    .describe('Accepted workspaces. Default: every workspace that signs with the secret.'),
  people: z.array(person).default([]),
  strangers: z.enum(['refused', 'viewer'], 'must be refused or viewer').default('refused'),
  response_hosts: z
    .array(z.string().min(1))
    .default([])
    .describe("Hosts that responses may be sent to, in addition to Slack's own."),
})

const alarms = z
  .strictObject({
    prometheus_url: httpUrlRule.optional(),
    alertmanager_url: httpUrlRule
      .optional()
      .describe('Replaces prometheus_url; alerts that are silenced there do not count.'),
    token_file: secretFileRule.optional().describe('A bearer token for it.'),
    name_prefix: z.string().default('Handover').describe('Prefix of the names of alerts that count.'),
    severities: z.array(z.string().min(1)).default(['critical']).describe('Severities that count; empty for any.'),
    match: z
      .partialRecord(environment, z.record(z.string(), z.string()))
      .default({})
      .describe('Labels that an alert must have to count for an environment.'),
  })
  .refine(
    ({ prometheus_url, alertmanager_url }) => (prometheus_url === undefined) !== (alertmanager_url === undefined),
    {
      message: 'must name prometheus_url or alertmanager_url, and not both',
    },
  )
  .refine(
    ({ prometheus_url, alertmanager_url, token_file }) =>
      token_file === undefined || secureUrlRule.safeParse(prometheus_url ?? alertmanager_url).success,
    { path: ['token_file'], message: 'may only be sent to an https URL or to a loopback address' },
  )

const gitlab = z.strictObject({
  url: httpUrlRule,
  token_file: secretFileRule.optional(),
  project: projectRule,
  environments: z
    .partialRecord(environment, z.string().min(1))
    .default({})
    .describe('The names of the environments in GitLab, for its deployments.'),
})

/** Everything under `chatops` in the section of the control plane. */
export const chatOpsSchema = z.strictObject({
  production_channel: slackId.optional().describe('The only Slack channel from which production can be changed.'),
  production_from_api: z
    .boolean()
    .default(false)
    .describe('With a production channel: also let `handover chatops` change production.'),
  production_check: productionCheck.prefault({}),
  freezes: z.array(freeze).default([]).describe('Periods in which production must not move further towards IAM.'),
  weekly_freezes: z.array(weeklyFreeze).default([]),
  two_person: z.array(environment).default([]).describe('Environments in which a second person must approve.'),
  proposal_hours: wholeRule(1, 24 * 30)
    .default(24)
    .describe('Hours for which a proposal waits for approval.'),
  max_step_points: wholeRule(1, 100)
    .optional()
    .describe('Maximum increase of a percentage on production in one step, in percentage points.'),
  min_step_minutes: wholeRule(1, 10_080)
    .optional()
    .describe('Minimum number of minutes between two steps on production.'),
  slack: slack.optional(),
  teams: z
    .array(z.strictObject({ group: z.string().min(1), webhook_file: secretFileRule }))
    .default([])
    .describe("Incoming webhooks of team channels, by the group in a flag's definition."),
  repository: z.string().min(1).optional().describe('A clone of the repository in which commits are looked up.'),
  gitlab: gitlab.optional(),
  alarms: alarms.optional().describe('Where the production check looks for firing alerts. Default: nowhere.'),
})
