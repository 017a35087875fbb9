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
  wait_seconds: wholeRule(0, 3_600).default(300).describe('How long to wait for what may yet pass.'),
  poll_seconds: wholeRule(1, 60).default(2).describe('How often to look meanwhile.'),
  min_gateways: wholeRule(0, 1_000).default(1).describe('Gateways of production that must be connected.'),
  max_lag_seconds: wholeRule(1, 3_600).default(10).describe('How long a gateway may go without the newest flags.'),
  max_failure_percent: wholeRule(0, 100)
    .default(20)
    .describe('Share of answers with 5xx over which a side counts as ill.'),
})

const freeze = z
  .strictObject({ from: instant, until: instant, why: z.string().min(1) })
  .refine(({ from, until }) => from < until, 'must end after it begins')
const weeklyFreeze = z.strictObject({
  days: z.array(z.enum(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'])).min(1, 'must name a day'),
  from: time.default('00:00').describe('UTC.'),
  until: time.default('00:00').describe('UTC; at or before `from`: of the next day.'),
  why: z.string().min(1),
})

const person = z.strictObject({
  slack_id: slackId,
  name: z
    .string()
    .min(1)
    .max(100)
    .describe('Under which their changes are kept; the same as of their token, if they have one.'),
  role: z.enum(['viewer', 'operator'], 'must be viewer or operator'),
  environments: z
    .array(environment)
    .optional()
    .describe('Where an operator may change something. Default: everywhere.'),
})

const slack = z.strictObject({
  signing_secret_file: secretFileRule.describe('The signing secret of the Slack app.'),
  team_ids: z.array(slackId).default([]).describe('Workspaces that are let in. Default: all that know the secret.'),
  people: z.array(person).default([]),
  strangers: z.enum(['refused', 'viewer'], 'must be refused or viewer').default('refused'),
  response_hosts: z.array(z.string().min(1)).default([]).describe("Hosts that answers may go to, beside Slack's own."),
})

const alarms = z
  .strictObject({
    prometheus_url: httpUrlRule.optional(),
    alertmanager_url: httpUrlRule.optional().describe('In place of Prometheus; what is silenced there does not count.'),
    token_file: secretFileRule.optional().describe('A bearer token for it.'),
    name_prefix: z.string().default('Handover').describe('What the names of alarms that count begin with.'),
    severities: z.array(z.string().min(1)).default(['critical']).describe('Severities that count; empty for any.'),
    match: z
      .partialRecord(environment, z.record(z.string(), z.string()))
      .default({})
      .describe('Labels that an alarm must have to count for an environment.'),
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
    { path: ['token_file'], message: 'may go to an https URL, or one of this machine, alone' },
  )

const gitlab = z.strictObject({
  url: httpUrlRule,
  token_file: secretFileRule.optional(),
  project: projectRule,
  environments: z
    .partialRecord(environment, z.string().min(1))
    .default({})
    .describe('What GitLab calls our environments, for its deployments.'),
})

/** Everything under `chatops` in the section of the control plane. */
export const chatOpsSchema = z.strictObject({
  production_channel: slackId.optional().describe('The only Slack channel from which production may be changed.'),
  production_from_api: z
    .boolean()
    .default(false)
    .describe('With a production channel: let `handover chatops` change production too.'),
  production_check: productionCheck.prefault({}),
  freezes: z.array(freeze).default([]).describe('Times in which nothing on production goes on towards IAM.'),
  weekly_freezes: z.array(weeklyFreeze).default([]),
  two_person: z.array(environment).default([]).describe('Where a second person must approve.'),
  proposal_hours: wholeRule(1, 24 * 30)
    .default(24)
    .describe('How long a proposal waits for that person.'),
  max_jump_points: wholeRule(1, 100)
    .optional()
    .describe('By how many points a percentage on production may rise at once.'),
  min_step_minutes: wholeRule(1, 10_080).optional().describe('The time between two steps on production.'),
  slack: slack.optional(),
  teams: z
    .array(z.strictObject({ group: z.string().min(1), webhook_file: secretFileRule }))
    .default([])
    .describe("Incoming webhooks of the channels of teams, by the group of a flag's definition."),
  repository: z.string().min(1).optional().describe('A clone of the repository whose commits are asked about.'),
  gitlab: gitlab.optional(),
  alarms: alarms.optional().describe('Where the production check asks for open alarms. Default: nowhere.'),
})
