import { ENVIRONMENT_NAMES } from '../environment-names.ts'
import {
  addressRangesField,
  choiceField,
  choicesField,
  databaseUrlField,
  integerField,
  limitField,
  listField,
  pathField,
  textField,
  urlField,
} from '../fields/fields.ts'

/** The lowest level that is logged. */
export const logLevel = choiceField(
  ['debug', 'info', 'warn', 'error', 'silent'],
  'info',
  'The lowest level that is logged.',
)

/** A duration between 1 ms and one hour. */
export const milliseconds = (fallback: number, description: string) =>
  integerField({ min: 1, max: 3_600_000, fallback }, `${description} In milliseconds.`)

/** The limit of log lines that unknown callers can cause. */
export const logSampling = limitField(
  '600/1m',
  'Maximum number of log lines of each kind that requests without a known application cause, per process; the number of suppressed lines is logged in one line. off: no limit.',
)

/** Traces, the same for every part. */
export const tracing = {
  trace: choiceField(
    ['off', 'continue', 'all'],
    'off',
    'W3C Trace Context: off forwards traceparent unchanged; continue joins the trace that a request carries; all also starts a trace for requests that carry none.',
  ),
  trace_sample_percent: integerField(
    { min: 0, max: 100, fallback: 100 },
    'Percentage of traces that are exported. Parts behind the gateway follow its sampling decision.',
  ),
  otlp_endpoint: urlField(
    'The endpoint that receives spans, as OTLP/HTTP with JSON; a bare origin means its /v1/traces. Without it, no spans are exported.',
  ),
}

/** The environment whose flags decide the routing. */
export const environment = choiceField(
  ENVIRONMENT_NAMES,
  'production',
  'The environment whose flags decide the routing.',
)

/** The version of Doorkeeper that the servers follow. */
export const doorkeeperVersion = choiceField(
  ['5.5', '5.9'],
  '5.9',
  'The version of Doorkeeper whose responses are reproduced.',
)

/** The path under which the monolith is mounted. */
export const relativeUrlRoot = textField('PATH', 'The path that the monolith is mounted under, such as /gitlab.', {
  pattern: /^\/[^\s?#]*[^/\s?#]$/,
  message: 'must begin with a slash and not end with one',
})

/** How credentials show which side issued them: the same for a gateway and for a control plane that decides for it. */
export const credentialMarks = {
  verifier_key_file: pathField(
    'FILE',
    'The key that IAM signs its verifiers with; without it, no verifier is trusted.',
  ),
  iam_token_prefix: listField(
    'PREFIX',
    "A prefix that identifies IAM credentials, in addition to those of Handover's own IAM auth service.",
  ),
  iam_jwt_issuer: textField('ISS', 'The iss claim of JWTs that only IAM issues.'),
  legacy_jwt_issuer: textField('ISS', 'The iss claim of JWTs that only the monolith issues.'),
}

/** Where a part keeps its state. */
export const store = {
  database_url: databaseUrlField('The PostgreSQL database that holds the state.'),
  data_dir: pathField(
    'DIR',
    'The directory of the embedded database and of generated secrets. With --database-url it holds only secrets, and defaults to ./data.',
  ),
}

/** Rate limits, the same on both authorization servers. Counted per process unless the description says otherwise. */
export const limits = {
  trusted_proxy: addressRangesField(
    'A proxy, such as the gateway, whose X-Forwarded-For header is trusted. Default: loopback and private networks.',
  ),
  rate_limits: choiceField(
    ['on', 'off'],
    'on',
    'Rate limits against guessing and floods; off disables every limit below.',
  ),
  limit_address_requests: limitField('6000/1m', 'Requests from one address (IPv6: /64) that is not a trusted proxy.'),
  limit_address_failures: limitField('300/1m', 'Different wrong credentials of any kind from one such address.'),
  limit_device_starts: limitField('300/10m', 'Device codes requested from one such address.'),
  limit_client_requests: limitField(
    '60000/1m',
    'Requests from such addresses by one client that authenticated with its secret.',
  ),
  limit_client_failures: limitField('20/10m', 'Different wrong secrets for one client from any one address.'),
  limit_user_codes: limitField('10/10m', 'Wrong user codes entered by one user, counted across all processes.'),
  limit_user_codes_all: limitField(
    '600/5m',
    'Wrong user codes entered by all users with an earlier wrong entry, counted across all processes.',
  ),
}

/** The environments in which new flows go to IAM by default. */
export const iamByDefault = choicesField(
  'ENVIRONMENT',
  ENVIRONMENT_NAMES,
  'An environment in which new flows go to IAM while the routing flag is not set: the end of a migration, after which the flag can be deleted. Must be the same on every control plane.',
)
