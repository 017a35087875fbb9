import { z } from 'zod'
import { claimFields } from '../fields/claim-fields.ts'
import { defaultPathField, optionalIntegerField, pathField, switchField } from '../fields/fields.ts'
import { policyPreset } from '../fields/policy-fields.ts'
import { tokenFields } from '../fields/token-fields.ts'
import { doorkeeperVersion, iamByDefault, logLevel } from './shared-options.ts'

/** The options of `handover up`. */
export const up = z.strictObject({
  data_dir: defaultPathField('DIR', './data', 'The directory of all data.'),
  port_base: optionalIntegerField(
    { min: 1, max: 65_529 },
    'First of seven ports: gateway N, its admin port N+1, control plane N+2, IAM N+3, IAM internal N+4, monolith N+5, demo client N+6.',
  ),
  doorkeeper_version: doorkeeperVersion,
  policy: policyPreset,
  ...tokenFields,
  ...claimFields,
  seed: pathField('FILE', 'Users and applications to begin with, as JSON.'),
  test_controls: switchField(
    'Open /__lab/reset and /__lab/advance on both sides, and accept rollout plans with short durations.',
  ),
  no_demo: switchField('Do not start the demo client, and do not create its data.'),
  iam_by_default: iamByDefault,
  log_json: switchField(
    'Print the log as JSON lines. By default, routing decisions, warnings and errors are printed as readable lines, and the full log is written to handover.log in the data directory.',
  ),
  log_level: logLevel,
})
