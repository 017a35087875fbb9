import { z } from 'zod'
import { ENVIRONMENT_NAMES } from '../environment-names.ts'
import { accessSchema } from '../fields/access-fields.ts'
import { chatOpsSchema } from '../fields/chatops-fields.ts'
import {
  addressRangesField,
  choiceField,
  choicesField,
  listenField,
  pathField,
  structureField,
  switchField,
  urlField,
} from '../fields/fields.ts'
import { notificationsSchema } from '../fields/notification-fields.ts'
import { probesSchema } from '../fields/probe-fields.ts'
import { sideEffectsSchema } from '../fields/side-effect-fields.ts'
import {
  credentialMarks,
  environment,
  iamByDefault,
  logLevel,
  logSampling,
  relativeUrlRoot,
  store,
  tracing,
} from './shared-options.ts'

/** The options of `handover control`. */
export const control = z.strictObject({
  listen: listenField('127.0.0.1:8080', 'The address of the API.'),
  trusted_proxy: addressRangesField('A proxy in front of the control plane whose X-Forwarded-* headers are trusted.'),
  ...store,
  admin_token_file: pathField(
    'FILE',
    'The file that the first administrator token is written to. Default: admin-token in the data directory.',
  ),
  gateway_token_file: pathField(
    'FILE',
    'The token of gateways, created if absent. Default: gateway-token in the data directory.',
  ),
  replication_token_file: pathField(
    'FILE',
    'The token of replication, created if absent. Default: replication-token in the data directory.',
  ),
  routing_secret_file: pathField(
    'FILE',
    'The secret of the routing endpoint, created if absent. Default: routing-secret in the data directory.',
  ),
  definitions_dir: pathField('DIR', 'The directory of flag definitions. Default: those that ship with Handover.'),
  environment,
  iam_internal_url: urlField('The internal port of IAM in that environment; used by `handover credentials`.'),
  internal_token_file: pathField(
    'FILE',
    'The token of that internal port. Default: iam-internal-token in the data directory.',
  ),
  ...credentialMarks,
  flow_key_file: pathField(
    'FILE',
    "The gateways' key of flow marks; they recognize probes by it. Default: derived as at the gateways, from the verifier key, or else from the gateway token.",
  ),
  relative_url_root: relativeUrlRoot,
  iam_applications: choiceField(
    ['confirmed', 'by_platform'],
    'confirmed',
    'When an application may move. confirmed: once replication or `handover applications confirm` has confirmed that IAM holds its current version. by_platform: as soon as it is announced, because the platform creates and updates it at IAM first.',
  ),
  iam_by_default: iamByDefault,
  require_reason: choicesField(
    'ENVIRONMENT',
    ENVIRONMENT_NAMES,
    'An environment in which every change towards IAM requires a reason and a change issue, regardless of how the change is made.',
  ),
  access: structureField(accessSchema, 'Browser sign-in: sessions, OpenID Connect.'),
  chatops: structureField(chatOpsSchema, 'Chat commands: their rules, Slack, team channels.'),
  side_effects: structureField(
    sideEffectsSchema,
    'Side effects of changes: dashboard annotations, records, messages to testers, end-to-end tests.',
  ),
  notifications: structureField(notificationsSchema, 'Messages about rollouts: Slack, a webhook, e-mail.'),
  probes: structureField(probesSchema, 'Probes: twin applications whose flows prove that both sides work.'),
  test_controls: switchField('Accept rollout plans with durations below the minimum. Loopback only.'),
  forward_auth_open: switchField('Answer forward_auth without a token; only where the network protects it.'),
  log_sampling: logSampling,
  ...tracing,
  log_level: logLevel,
})
