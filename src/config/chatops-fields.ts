import { z } from 'zod'

const environment = z.enum(
  ['dev', 'pre', 'staging', 'staging-ref', 'production'],
  'must be one of dev, pre, staging, staging-ref, production',
)
const slackId = z.string().regex(/^[A-Z0-9]{2,32}$/, "must be one of Slack's ids, such as C0123ABCD")
const whole = (min: number, max: number) => {
  const rule = `must be a whole number from ${min} to ${max}`
  return z.int(rule).min(min, rule).max(max, rule)
}
const file = z.string().min(1, 'must not be empty')
const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an http or https URL')
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 18:00')
const instant = z
  .union([z.date(), z.iso.datetime({ offset: true, error: 'must be a time such as 2026-12-20T00:00:00Z' })])
  .transform((value) => new Date(value).getTime())

const productionCheck = z.strictObject({
  wait_seconds: whole(0, 3_600).default(300).describe('How long to wait for what may yet pass.'),
  poll_seconds: whole(1, 60).default(2).describe('How often to look meanwhile.'),
  min_gateways: whole(0, 1_000).default(1).describe('Gateways of production that must be connected.'),
  max_lag_seconds: whole(1, 3_600).default(10).describe('How long a gateway may go without the newest flags.'),
  max_failure_percent: whole(0, 100).default(20).describe('Share of answers with 5xx over which a side counts as ill.'),
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
  signing_secret_file: file.describe('The signing secret of the Slack app.'),
  team_ids: z.array(slackId).default([]).describe('Workspaces that are let in. Default: all that know the secret.'),
  people: z.array(person).default([]),
  strangers: z.enum(['refused', 'viewer'], 'must be refused or viewer').default('refused'),
  response_hosts: z.array(z.string().min(1)).default([]).describe("Hosts that answers may go to, beside Slack's own."),
})

const gitlab = z.strictObject({
  url: httpUrl,
  token_file: file.optional(),
  project: z.string().regex(/^[\w.-]+(\/[\w.-]+)+$/, 'must be the path of a project, such as group/project'),
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
  reasons_required: z
    .array(environment)
    .default([])
    .describe('Where a change towards IAM must come with --reason and --change-issue.'),
  two_person: z.array(environment).default([]).describe('Where a second person must approve.'),
  proposal_hours: whole(1, 24 * 30)
    .default(24)
    .describe('How long a proposal waits for that person.'),
  max_jump_points: whole(1, 100).optional().describe('By how many points a percentage on production may rise at once.'),
  min_step_minutes: whole(1, 10_080).optional().describe('The time between two steps on production.'),
  slack: slack.optional(),
  teams: z
    .array(z.strictObject({ group: z.string().min(1), webhook_file: file }))
    .default([])
    .describe("Incoming webhooks of the channels of teams, by the group of a flag's definition."),
  repository: z.string().min(1).optional().describe('A clone of the repository whose commits are asked about.'),
  gitlab: gitlab.optional(),
})
