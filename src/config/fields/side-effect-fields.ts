import { z } from 'zod'
import { ENVIRONMENT_NAMES } from '../environment-names.ts'
import { projectRule, secretFileRule, secureUrlRule, wholeRule } from '../structure-rules.ts'

const pipeline = z.strictObject({
  project: projectRule,
  ref: z.string().min(1).default('main').describe('The branch or tag that the tests run from.'),
  trigger_token_file: secretFileRule,
  wait_minutes: wholeRule(1, 1_440).default(60).describe('Minutes to wait for the result.'),
  poll_seconds: wholeRule(1, 600).default(15),
  environments: z
    .array(z.enum(ENVIRONMENT_NAMES))
    .default(['staging', 'production'])
    .describe('The environments whose changes are tested. A failure on staging switches the flag off there.'),
  for_applications: z
    .boolean()
    .default(false)
    .describe('Also run them for a change that concerns single applications.'),
})

/** Everything under `side_effects` in the section of the control plane. */
export const sideEffectsSchema = z.strictObject({
  grafana: z
    .strictObject({ url: secureUrlRule, token_file: secretFileRule })
    .optional()
    .describe('Annotates changes on dashboards.'),
  events: z
    .strictObject({ url: secureUrlRule, token_file: secretFileRule.optional() })
    .optional()
    .describe('Receives each change as JSON.'),
  gitlab: z
    .strictObject({
      url: secureUrlRule,
      token_file: secretFileRule,
      record_project: projectRule.optional().describe('The project in which a closed issue records each change.'),
      pipeline: pipeline.optional().describe('End-to-end tests that run after something was switched on.'),
    })
    .optional(),
  qa_channels: z
    .partialRecord(z.enum(ENVIRONMENT_NAMES), secretFileRule)
    .default({})
    .describe("Files with the incoming webhooks of the testers' channels, by environment."),
  environment_names: z
    .partialRecord(z.enum(ENVIRONMENT_NAMES), z.string().min(1).max(60))
    .optional()
    .describe('What testers call the environments, such as gstg. Default: chatops.gitlab.environments, or our names.'),
})
