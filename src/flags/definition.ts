import { z } from 'zod'

/**
 * The rules of each flag type, and the lifetime of its flags in months; a flag without a lifetime is reviewed after
 * `reviewMonths`. Types that are not listed here are invalid.
 */
export const FLAG_TYPES = {
  gitlab_com_derisk: { mayDefaultOn: false, needsRolloutIssue: true, lifeMonths: 2, reviewMonths: undefined },
  wip: { mayDefaultOn: false, needsRolloutIssue: false, lifeMonths: 4, reviewMonths: undefined },
  beta: { mayDefaultOn: true, needsRolloutIssue: true, lifeMonths: 6, reviewMonths: undefined },
  ops: { mayDefaultOn: true, needsRolloutIssue: false, lifeMonths: undefined, reviewMonths: 12 },
  experiment: { mayDefaultOn: false, needsRolloutIssue: true, lifeMonths: 6, reviewMonths: undefined },
} as const
export type FlagType = keyof typeof FLAG_TYPES

/** The format of a flag name. */
export const FLAG_NAME = /^[a-z][a-z0-9_]{1,254}$/

const url = z.url({ protocol: /^https?$/, error: 'must be an http(s) address' })
const text = (rule: string) => z.string({ error: rule })

/** The fields of a definition file, in the order in which they are written. */
export const flagDefinitionSchema = z
  .strictObject({
    name: text('must be text').regex(FLAG_NAME, 'must be lower-case letters, digits and underscores'),
    description: text('must be text').max(2_000).optional(),
    feature_issue_url: url.nullish(),
    introduced_by_url: url,
    rollout_issue_url: url.nullish(),
    milestone: text("must be text: put it in quotes, such as '19.1'").regex(/^\d+\.\d+$/, "must look like '19.1'"),
    introduced_at: text("must be text: put it in quotes, such as '2026-06-18'")
      .regex(/^\d{4}-\d{2}-\d{2}$/, "must look like '2026-06-18'")
      .refine((day) => !Number.isNaN(Date.parse(`${day}T00:00:00Z`)), 'must be a valid date')
      .nullish(),
    log_state_changes: z.boolean({ error: 'must be true or false' }).nullish(),
    type: z.enum(Object.keys(FLAG_TYPES) as [FlagType, ...FlagType[]], {
      error: `must be one of ${Object.keys(FLAG_TYPES).join(', ')}`,
    }),
    group: text('must be text').regex(/^group::[a-z0-9][a-z0-9 _-]*$/, 'must look like group::authentication'),
    default_enabled: z.boolean({ error: 'must be true or false' }),
  })
  .superRefine((definition, context) => {
    const rules = FLAG_TYPES[definition.type]
    const fault = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
    if (definition.default_enabled && !rules.mayDefaultOn) {
      fault('default_enabled', `must be false for type ${definition.type}`)
    }
    if (!definition.rollout_issue_url && rules.needsRolloutIssue) {
      fault('rollout_issue_url', `must be given for type ${definition.type}`)
    }
  })

/** One flag, as defined in its YAML file. */
export type FlagDefinition = z.infer<typeof flagDefinitionSchema>

/** A named set of applications, for the feature group gate. */
export const featureGroupSchema = z.strictObject({
  name: text('must be text').regex(FLAG_NAME, 'must be lower-case letters, digits and underscores'),
  description: text('must be text').max(2_000).optional(),
  applications: z.array(z.int({ error: 'must be application ids' }).positive('must be application ids'), {
    error: 'must be a list of application ids',
  }),
})
export type FeatureGroup = z.infer<typeof featureGroupSchema>
