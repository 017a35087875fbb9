import { z } from 'zod'
import { claimFields } from '../fields/claim-fields.ts'
import {
  choiceField,
  integerField,
  limitField,
  listenField,
  pathField,
  requiredUrlField,
  switchField,
  textField,
  urlField,
} from '../fields/fields.ts'
import { policyFields } from '../fields/policy-fields.ts'
import { tokenFields } from '../fields/token-fields.ts'
import { doorkeeperVersion, limits, logLevel, logSampling, store, tracing } from './shared-options.ts'

/** The options of `handover iam`. */
export const iam = z.strictObject({
  listen: listenField('127.0.0.1:8084', 'The address of the OAuth endpoints.'),
  internal_listen: listenField(
    '127.0.0.1:8085',
    'The address that the monolith and replication call; must not be public.',
  ),
  issuer: requiredUrlField('The public origin under which clients and browsers know this server.'),
  ...store,
  internal_token_file: pathField(
    'FILE',
    'The token of the internal port, created if absent. Default: iam-internal-token in the data directory.',
  ),
  verifier_key_file: pathField(
    'FILE',
    'The key that signs verifiers, created if absent. Default: iam-verifier-key in the data directory.',
  ),
  sealing_key_file: pathField(
    'FILE',
    'The key that encrypts signing keys in the store, created if absent. Default: iam-sealing-key in the data directory.',
  ),
  previous_sealing_key_file: pathField(
    'FILE',
    'The previous sealing key: decrypts signing keys that the current one cannot, which are then encrypted with the current one.',
  ),
  signing_key_days: integerField(
    { min: 0, max: 3_650, fallback: 90 },
    'Days after which a signing key is rotated; 0: only by `handover keys rotate`.',
  ),
  signing_key_lead_hours: integerField(
    { min: 1, max: 8_760, fallback: 48 },
    'Hours for which a signing key is published before it signs: at least twice as long as any client caches the key set.',
  ),
  login_url: urlField('The sign-in page. Default: /users/sign_in of the issuer.'),
  consent_url: urlField('The consent page. Default: /-/iam/consent of the issuer.'),
  resource_owner_url: urlField(
    'The endpoint that checks passwords for the password grant; without it, that grant is not supported.',
  ),
  doorkeeper_version: doorkeeperVersion,
  access_token_format: choiceField(['opaque', 'jwt'], 'opaque', 'The format of access tokens.'),
  access_token_signing_alg: choiceField(
    ['RS256', 'ES256', 'EdDSA'],
    'RS256',
    'The signing algorithm of JWT access tokens; one other than RS256 takes effect once its key has been published for signing_key_lead_hours.',
  ),
  jwt_audience: textField('AUD', 'The aud claim of JWT access tokens. Default: gitlab-rails.'),
  ...tokenFields,
  ...claimFields,
  ...policyFields('revoke, regardless of the policy'),
  ...limits,
  limit_login_starts: limitField('2000/10m', 'Sign-ins started from one address that is not a trusted proxy.'),
  max_open_logins: integerField(
    { min: 1, max: 10_000_000, fallback: 100_000 },
    'Maximum number of unfinished sign-ins from the last ten minutes; further ones are answered with 503, and the gateway sends them to the monolith. The same number of older ones is kept.',
  ),
  challenge_hours: integerField(
    { min: 1, max: 168, fallback: 24 },
    'Hours for which a sign-in or consent page that was left open can still be submitted.',
  ),
  test_controls: switchField('Open /__lab/reset and /__lab/advance. Loopback only.'),
  log_sampling: logSampling,
  ...tracing,
  log_level: logLevel,
})
