import { z } from 'zod'
import { claimFields } from '../fields/claim-fields.ts'
import {
  limitField,
  listenField,
  optionalListenField,
  pathField,
  requiredUrlField,
  switchField,
  urlField,
} from '../fields/fields.ts'
import { policyFields } from '../fields/policy-fields.ts'
import { tokenFields } from '../fields/token-fields.ts'
import { doorkeeperVersion, limits, logLevel, store, tracing } from './shared-options.ts'

/** The options of `handover monolith`. */
export const monolith = z.strictObject({
  listen: listenField('127.0.0.1:3000', 'The address of the platform.'),
  issuer: requiredUrlField('The public origin under which clients and browsers know this server.'),
  ...store,
  iam_internal_url: urlField('The internal port of the IAM auth service; without it, sign-in is never handed off.'),
  internal_token_file: pathField(
    'FILE',
    'The token of that internal port. Default: iam-internal-token in the data directory.',
  ),
  state_key_file: pathField(
    'FILE',
    'The key that protects sessions and encrypts the signing key, created if absent. Default: monolith-state-key in the data directory.',
  ),
  admin_token_file: pathField(
    'FILE',
    'The token of the user administration API (/api/v4/users), which `handover user` calls, created if absent; without it, that API is not served.',
  ),
  control_url: urlField('The control plane that applications are announced to.'),
  metrics_listen: optionalListenField(
    'The address of metrics, which must not be public; without it, no metrics are served.',
  ),
  control_token_file: pathField('FILE', 'The replication token of the control plane.'),
  doorkeeper_version: doorkeeperVersion,
  seed: pathField('FILE', 'Users and applications to begin with, as JSON.'),
  ...tokenFields,
  ...claimFields,
  ...policyFields('set by the policy'),
  ...limits,
  limit_user_codes_address: limitField(
    '30/10m',
    'Wrong user codes entered from one address by users with an earlier wrong entry, counted across all processes.',
  ),
  confirm_device: switchField(
    'Show which client requests which access before a device is authorized, which Doorkeeper does without asking (RFC 8628 §5.4); recommended.',
  ),
  limit_sign_in: limitField('10/10m', 'Different wrong passwords for one user from one address or known browser.'),
  limit_sign_in_name: limitField(
    '100/1h',
    'Different wrong passwords for one user from all places where that user has never signed in.',
  ),
  limit_sign_in_address: limitField('300/10m', 'Different wrong user names and passwords from one address.'),
  test_controls: switchField('Open /__lab/reset and /__lab/advance. Loopback only.'),
  ...tracing,
  log_level: logLevel,
})
