import { z } from 'zod'
import { ENVIRONMENT_NAMES } from './environment-names.ts'
import { accessSchema } from './fields/access-fields.ts'
import { chatOpsSchema } from './fields/chatops-fields.ts'
import { claimFields } from './fields/claim-fields.ts'
import {
  addressRangesField,
  choiceField,
  choicesField,
  databaseUrlField,
  defaultPathField,
  integerField,
  limitField,
  listenField,
  listField,
  OWN_PATH,
  optionalIntegerField,
  optionalListenField,
  ownPathsField,
  pathField,
  requiredUrlField,
  structureField,
  switchField,
  textField,
  urlField,
  urlListField,
} from './fields/fields.ts'
import { notificationsSchema } from './fields/notification-fields.ts'
import { policyFields, policyPreset } from './fields/policy-fields.ts'
import { sideEffectsSchema } from './fields/side-effect-fields.ts'
import { tokenFields } from './fields/token-fields.ts'

const logLevel = choiceField(['debug', 'info', 'warn', 'error', 'silent'], 'info', 'The lowest level that is logged.')
const milliseconds = (fallback: number, description: string) =>
  integerField({ min: 1, max: 3_600_000, fallback }, `${description} In milliseconds.`)

const logSampling = limitField(
  '600/1m',
  'Maximum number of log lines of each kind that requests without a known application cause, per process; the number of suppressed lines is logged in one line. off: no limit.',
)

/** Traces, the same for every part. */
const tracing = {
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
const environment = choiceField(ENVIRONMENT_NAMES, 'production', 'The environment whose flags decide the routing.')
const doorkeeperVersion = choiceField(
  ['5.5', '5.9'],
  '5.9',
  'The version of Doorkeeper whose responses are reproduced.',
)
const relativeUrlRoot = textField('PATH', 'The path that the monolith is mounted under, such as /gitlab.', {
  pattern: /^\/[^\s?#]*[^/\s?#]$/,
  message: 'must begin with a slash and not end with one',
})
/** How credentials show which side issued them: the same for a gateway and for a control plane that decides for it. */
const credentialMarks = {
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

const gateway = z.strictObject({
  listen: listenField('127.0.0.1:8181', 'The address that clients and browsers connect to.'),
  admin_listen: listenField(
    '127.0.0.1:9181',
    'The address of health checks, metrics and the brake; must not be public.',
  ),
  legacy_url: requiredUrlField('The monolith. It receives every request that is not routed to IAM.'),
  iam_url: urlField('The IAM auth service. Without it, every request goes to the monolith.', {
    aliases: ['iamServiceURL'],
    environment: ['IAM_SERVICE_URL'],
  }),
  control_url: urlListField(
    'Route by the snapshot that this control plane streams; with several replicas, by that of one that answers.',
  ),
  control_token_file: pathField('FILE', 'The token for the snapshot stream.'),
  routing_url: urlField(
    'Route by calling this routing endpoint for each request; a bare origin means its /-/oauth/iam_routing.',
  ),
  routing_secret_file: pathField(
    'FILE',
    'The secret (32 bytes in base64) that signs requests to the routing endpoint.',
  ),
  snapshot: pathField('FILE', 'Route by this snapshot file; it is reloaded when it changes.'),
  environment,
  ...credentialMarks,
  flow_key_file: pathField(
    'FILE',
    'The key that signs the marks which tie a flow to one side; must be the same on all gateways. Default: derived from the verifier key, or else from the token or secret of the decision source.',
  ),
  iam_unmarked: switchField(
    'The credentials that IAM issues carry no mark: the gateway records in its ledger which side issued each credential it sees.',
  ),
  ledger_url: textField(
    'URL',
    'The Redis or Valkey in which gateways share the ledger. Default: each gateway keeps its own.',
    {
      pattern: /^rediss?:\/\/[^/\s]+(\/\d+)?$/,
      message: 'must be redis:// or rediss:// with a host, optionally followed by a port and a database number',
    },
  ),
  ledger_entries: integerField(
    { min: 1_000, max: 100_000_000, fallback: 1_000_000 },
    'Maximum number of credentials that the ledger holds in memory; 13 bytes each, allocated on first use.',
  ),
  iam_shows_pages: switchField(
    'IAM shows its own consent pages under /oauth/authorize, as a second Doorkeeper does: the flows of IAM are marked too.',
  ),
  iam_path: ownPathsField(
    "The path of an endpoint at IAM, if it differs from Doorkeeper's, such as token=/oauth2/token.",
  ),
  legacy_path: ownPathsField("The same for the monolith: clients use this path in addition to Doorkeeper's."),
  iam_page: listField(
    'PATH',
    'A path at and below which IAM shows its own pages to browsers, such as /interaction; always routed to IAM.',
    { pattern: OWN_PATH, message: 'must be a plain path such as /interaction' },
  ),
  iam_cookies: choiceField(
    ['marked', 'renamed'],
    'marked',
    'marked: the names of the cookies of IAM begin with _iam_. renamed: they do not; the gateway adds that prefix in responses and removes it in requests.',
  ),
  legacy_probe_client_id: textField(
    'ID',
    'A client of the monolith with which the gateway requests a token (client_credentials, client_secret_post), checks its marks and revokes it.',
  ),
  legacy_probe_secret_file: pathField('FILE', 'The secret of that client.'),
  legacy_probe_scope: textField('SCOPE', "The scope that it asks for. Default: the server's own default."),
  iam_probe_client_id: textField('ID', 'The same for IAM.'),
  iam_probe_secret_file: pathField('FILE', 'The secret of that client.'),
  iam_probe_scope: textField('SCOPE', "The scope that it asks for. Default: the server's own default."),
  mark_check_minutes: integerField(
    { min: 1, max: 1_440, fallback: 10 },
    'Minutes between checks; the first runs at startup.',
  ),
  relative_url_root: relativeUrlRoot,
  data_dir: pathField(
    'DIR',
    'The directory of the last good snapshot and the brake file; without it, neither survives a restart.',
  ),
  brake_file: pathField('FILE', 'The brake is on while this file exists. Default: "brake" in the data directory.'),
  name: textField('NAME', 'The name of this gateway at the control plane. Default: the host name.', {
    pattern: /^[\w.:-]{1,128}$/,
    message: 'must be letters, digits, dots, colons, dashes and underscores, at most 128',
  }),
  commit: textField('SHA', 'The commit that this gateway was built from; shown by `auto_deploy status`.', {
    pattern: /^[0-9a-f]{7,64}$/,
    message: 'must be 7 to 64 lower-case hexadecimal digits',
  }),
  trusted_proxy: addressRangesField(
    'A proxy in front of the gateway whose X-Forwarded-* and X-Request-Id headers are trusted.',
  ),
  workers: optionalIntegerField(
    { min: 1, max: 128 },
    'Number of processes that share the port. Default: one fewer than the number of cores, from 1 to 8.',
  ),
  iam_probe_path: textField(
    'PATH',
    'The path that the gateway requests to check whether IAM is up, while its circuit is open or many requests fail; any status below 500 means that it is. Default: /readyz.',
    { pattern: /^\/[!-~]*$/, message: 'must be a path such as /health/live' },
  ),
  connect_timeout_ms: milliseconds(2_000, 'Timeout for connecting to an upstream.'),
  iam_headers_timeout_ms: milliseconds(10_000, 'Timeout for the response headers from IAM.'),
  iam_new_flow_timeout_ms: milliseconds(
    3_000,
    'The same for a request that starts a flow, which then falls back to the monolith. Has no effect unless it is shorter than iam_headers_timeout_ms.',
  ),
  legacy_headers_timeout_ms: milliseconds(60_000, 'Timeout for the response headers from the monolith.'),
  body_timeout_ms: milliseconds(60_000, 'Maximum time between two chunks of a body.'),
  routing_timeout_ms: milliseconds(1_000, 'Timeout for a response from the routing endpoint.'),
  drain_ms: milliseconds(
    10_000,
    'How long the gateway continues to answer requests during shutdown; it then closes the remaining connections.',
  ),
  max_upstream_connections: integerField(
    { min: 8, max: 65_536, fallback: 1_024 },
    'Maximum number of concurrent connections to one upstream, per worker. An eighth of those to the monolith is reserved for OAuth requests, and another eighth for other requests.',
  ),
  upstream_queue: integerField(
    { min: 0, max: 65_536, fallback: 1_024 },
    'Maximum number of requests that wait for a connection, per worker, upstream and kind (OAuth, other); further requests are answered with 503.',
  ),
  upstream_queue_ms: milliseconds(
    2_000,
    'How long a request waits for a connection; after that, a new flow falls back to the monolith and any other request is answered with 503.',
  ),
  max_websockets: integerField(
    { min: 0, max: 1_000_000, fallback: 8_192 },
    'Maximum number of open WebSockets to the monolith, per worker; further ones are answered with 503. They do not count towards max_upstream_connections.',
  ),
  min_upload_rate: integerField(
    { min: 0, max: 1_048_576, fallback: 240 },
    'Minimum average rate of a streamed upload, in bytes per second, once body_timeout_ms has passed; a slower upload is answered with 408. Time during which the monolith does not read is not counted. 0: no limit.',
  ),
  max_head_bytes: integerField(
    { min: 8_192, max: 1_048_576, fallback: 114_688 },
    'Maximum size of a request head, including cookies, in bytes; a larger one is answered with 431. The default is the limit of Puma.',
  ),
  fast_path: choiceField(
    ['on', 'off'],
    'on',
    'Serve plain requests to OAuth endpoints without node:http, which takes less CPU.',
  ),
  test_controls: switchField('Forward /__lab/* to both sides. Loopback only.'),
  application_metrics: integerField(
    { min: 0, max: 100_000, fallback: 200 },
    'Maximum number of applications with their own metric series; the rest are grouped as `other`.',
  ),
  log_sampling: logSampling,
  ...tracing,
  log_level: logLevel,
})

const store = {
  database_url: databaseUrlField('The PostgreSQL database that holds the state.'),
  data_dir: pathField(
    'DIR',
    'The directory of the embedded database and of generated secrets. With --database-url it holds only secrets, and defaults to ./data.',
  ),
}

/** Rate limits, the same on both authorization servers. Counted per process unless the description says otherwise. */
const limits = {
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

const iamByDefault = choicesField(
  'ENVIRONMENT',
  ENVIRONMENT_NAMES,
  'An environment in which new flows go to IAM while the routing flag is not set: the end of a migration, after which the flag can be deleted. Must be the same on every control plane.',
)

const control = z.strictObject({
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
  forward_auth_open: switchField('Answer forward_auth without a token; only where the network protects it.'),
  log_sampling: logSampling,
  ...tracing,
  log_level: logLevel,
})

const iam = z.strictObject({
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

const monolith = z.strictObject({
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
    'The token of the user administration API (/api/v4/users/:id), created if absent; without it, that API is not served.',
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

const up = z.strictObject({
  data_dir: defaultPathField('DIR', './data', 'The directory of all data.'),
  port_base: optionalIntegerField(
    { min: 1, max: 65_529 },
    'First of seven ports: gateway N, its admin port N+1, control plane N+2, IAM N+3, IAM internal N+4, monolith N+5, demo client N+6.',
  ),
  doorkeeper_version: doorkeeperVersion,
  policy: policyPreset,
  ...claimFields,
  seed: pathField('FILE', 'Users and applications to begin with, as JSON.'),
  test_controls: switchField('Open /__lab/reset and /__lab/advance on both sides.'),
  no_demo: switchField('Do not start the demo client, and do not create its data.'),
  iam_by_default: iamByDefault,
  log_json: switchField(
    'Print the log as JSON lines. By default, routing decisions, warnings and errors are printed as readable lines, and the full log is written to handover.log in the data directory.',
  ),
  log_level: logLevel,
})

/** All options, one section per command; the file, the variables and the flags are validated against it. */
export const sections = { gateway, control, iam, monolith, up } as const
export type Section = keyof typeof sections
export type Settings<S extends Section> = z.infer<(typeof sections)[S]>

/** The whole file: any of the sections, and nothing else. */
export const fileSchema = z.strictObject({
  gateway: z.record(z.string(), z.unknown()).optional(),
  control: z.record(z.string(), z.unknown()).optional(),
  iam: z.record(z.string(), z.unknown()).optional(),
  monolith: z.record(z.string(), z.unknown()).optional(),
  up: z.record(z.string(), z.unknown()).optional(),
})
