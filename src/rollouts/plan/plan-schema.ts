import { z } from 'zod'
import { ENVIRONMENTS, FLAG_NAME } from '../../flags/index.ts'
import { DURATION, DURATION_RULE } from './duration.ts'
import { BUILT_IN_GUARDS } from './plan.ts'

const MAX_STEPS = 100
const MAX_LISTED = 1_000

const duration = (says: string) => z.string(DURATION_RULE).regex(DURATION, DURATION_RULE).describe(says)
const date = (says: string) =>
  z.iso
    .datetime({ offset: true, error: 'must be a date and time with a zone, such as 2027-01-11T08:00:00Z' })
    .describe(says)
const url = (says: string) =>
  z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .max(2_048)
    .describe(says)
const line = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^\P{C}*$/u, 'must be one line of plain text')

const evidence = z
  .strictObject({
    bound: z
      .number()
      .gt(0)
      .max(0.5)
      .optional()
      .describe(
        'Advance when the guards show, at 95 %, at most this failure rate: 0.1 needs 34 outcomes without failure',
      ),
    outcomes: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('Advance after this number of outcomes without a failing guard'),
  })
  .describe('What a step must show before the next one: either bound or outcomes')

const passOnProbes = z
  .boolean()
  .describe('Whether probes may carry the evidence for an application all of whose flows run on credentials of legacy')

const step = z.strictObject({
  applications: z
    .array(z.union([z.int().positive(), line(255)], 'must be an id or a client_id'))
    .min(1, 'must list at least one application')
    .max(MAX_LISTED)
    .optional()
    .describe('Move these applications: numeric ids, or client ids'),
  sample: z
    .literal('one_per_cohort', 'must be one_per_cohort')
    .optional()
    .describe('Move the application of each cohort that has the least traffic'),
  percentage: z
    .number()
    .gt(0)
    .max(100)
    .refine((share) => Number.isInteger(Math.round(share * 1e6) / 1e3), 'must have at most three decimals')
    .optional()
    .describe('Move this percentage of the applications, by the same buckets as the flag; 100 is all'),
  dwell: duration('How long this step lasts at least').optional(),
  evidence: evidence.optional(),
  pass_on_probes: passOnProbes.optional(),
  approval: z.literal('required', 'must be required').optional().describe('A person must approve this step first'),
  not_before: date('The step does not begin earlier').optional(),
})

const guard = z.union(
  [
    z.string().describe(`One of ${BUILT_IN_GUARDS.join(', ')}`),
    z.strictObject({
      name: z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be lower-case letters, digits, - and _, at most 63'),
      query: line(4_096).describe('A PromQL query with one value'),
      at_most: z.number().optional().describe('The guard fails above this value'),
      at_least: z.number().optional().describe('The guard fails below this value'),
    }),
  ],
  'must be the name of a guard, or an object with name, query and a limit',
)

/** A plan as it is written. Rules that concern several fields are in `plan-rules.ts`. */
export const planSchema = z.strictObject({
  version: z.literal(1, 'must be 1').describe('The version of this format'),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be letters, digits, ., - and _, at most 63')
    .describe('The name of the rollout'),
  flag: z.string().regex(FLAG_NAME, 'must be the name of a flag').describe('The flag that the rollout changes'),
  environment: z.enum(ENVIRONMENTS, `must be one of ${ENVIRONMENTS.join(', ')}`),
  steps: z
    .array(step)
    .min(1, 'must have at least one step')
    .max(MAX_STEPS)
    .optional()
    .describe('The steps in order; without them 1, 10, 25, 50, 75 and 100 percent'),
  dwell: duration('How long each step lasts at least; at least 15m').default('15m'),
  evidence: evidence.default({ bound: 0.1 }),
  pass_on_probes: passOnProbes.default(false),
  budget: z
    .strictObject({ flows: z.int().min(1).max(1_000_000_000) })
    .optional()
    .describe('The flows that may fail before the guards act; a step that could fail more is refused'),
  exclude: z
    .strictObject({
      at_most: z.union(
        [z.int().nonnegative(), z.string().regex(/^(?:100|\d{1,2}(?:\.\d{1,3})?)%$/)],
        'must be a number of applications, or a percentage such as 5%',
      ),
    })
    .default({ at_most: '5%' })
    .describe(
      'Beyond this many excluded applications the rollout is held; a percentage of all that it moves, at least 1',
    ),
  soak: duration('How long the last step is watched before the rollout is complete').default('24h'),
  mode: z.enum(['act', 'advise'], 'must be act or advise').default('act').describe('advise decides and reports only'),
  watch: z
    .union(
      [z.literal('unattended'), z.strictObject({ acknowledge: z.literal('required') })],
      'must be unattended, or an object with acknowledge: required',
    )
    .optional()
    .describe('Whether a step waits until a named person watches for two hours; the default on production'),
  guards: z
    .array(guard)
    .max(50)
    .default([...BUILT_IN_GUARDS])
    .describe(`The guards that judge the rollout: ${BUILT_IN_GUARDS.join(', ')}, and PromQL queries`),
  common_fault: z
    .strictObject({
      within: duration('Failures of several applications for one cause within this time are one fault; at least 10m'),
    })
    .default({ within: '10m' })
    .describe('When the failures of several applications are judged as one fault of IAM'),
  guard_drill: z
    .enum(['required', 'where_possible'], 'must be required or where_possible')
    .optional()
    .describe('Whether steps wait for a guard drill even where none can run; required is the default on production'),
  on_global_failure: z
    .enum(['step_back', 'brake'], 'must be step_back or brake')
    .default('step_back')
    .describe('What happens when IAM fails for many applications at once'),
  pipeline: z
    .enum(['required', 'advisory'], 'must be required or advisory')
    .optional()
    .describe('Whether a failed end-to-end pipeline holds the rollout; advisory is the default on staging-ref'),
  not_before: date('The first step does not begin earlier').optional(),
  change_issue_url: url('The change issue, which must be open').optional(),
  rollout_issue_url: url('The rollout issue, which is kept current').optional(),
  milestone: line(100).optional(),
  checklist: z
    .array(
      z.strictObject({
        item: line(300).describe('An item of the checklist, such as support_informed, or any text'),
        before_step: z.int().positive().default(1).describe('One more than there are steps: before the end'),
      }),
    )
    .max(100)
    .default([])
    .describe('Items that a step, or the end, waits for'),
  notify: z
    .strictObject({
      responsible: line(255).optional().describe('The person who is responsible for the rollout'),
      slack: line(80).optional().describe('The Slack channel of this rollout, in place of the configured one'),
      email: z
        .array(z.email('must be an e-mail address'))
        .max(20)
        .default([])
        .describe('Addresses besides the configured ones'),
      webhook: url('Receives each message as signed JSON, like the configured webhook').optional(),
    })
    .default({ email: [] })
    .describe('Who is notified of waits and final states; each needs the configured channel of its kind'),
})

/** A plan whose fields are valid one by one. */
export type WrittenPlan = z.infer<typeof planSchema>
