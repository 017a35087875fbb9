import { z } from 'zod'
import { ENVIRONMENT_NAMES } from './environment-names.ts'
import { accessSchema } from './fields/access-fields.ts'
import { chatOpsSchema } from './fields/chatops-fields.ts'
import { claimFields } from './fields/claim-fields.ts'
import { effectsSchema } from './fields/effects-fields.ts'
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
import { policyFields, policyPreset } from './fields/policy-fields.ts'
import { tokenFields } from './fields/token-fields.ts'

const logLevel = choiceField(['debug', 'info', 'warn', 'error', 'silent'], 'info', 'What is worth a line in the log.')
const milliseconds = (fallback: number, description: string) =>
  integerField({ min: 1, max: 3_600_000, fallback }, `${description} In milliseconds.`)

const logNoise = limitField(
  '600/1m',
  'Log lines of each kind that requests without a known application may cause, in each process; how many more there were is told in one line. off: no bound.',
)

/** Traces, the same for every part. */
const tracing = {
  trace: choiceField(
    ['off', 'continue', 'all'],
    'off',
    'W3C traces: off hands traceparent on as it came; continue joins the trace that a request brings; all also begins one where it brings none.',
  ),
  trace_sample_percent: integerField(
    { min: 0, max: 100, fallback: 100 },
    'So many percent of the traces are exported. Parts behind the gateway go by its choice.',
  ),
  otlp_endpoint: urlField(
    'Where spans are sent, by OTLP over HTTP as JSON; a bare origin means its /v1/traces. Without it none are.',
  ),
}

/** Whose flags routing goes by. */
const environment = choiceField(ENVIRONMENT_NAMES, 'production', 'Whose flags routing goes by.')
const doorkeeperVersion = choiceField(['5.5', '5.9'], '5.9', 'The Doorkeeper whose answers are given.')
const relativeUrlRoot = textField('PATH', 'The path under which the monolith is mounted, such as /gitlab.', {
  pattern: /^\/[^\s?#]*[^/\s?#]$/,
  message: 'must begin with a slash and not end with one',
})
/** How credentials show whose they are: the same for a gateway and for a control plane that decides in its place. */
const credentialMarks = {
  verifier_key_file: pathField(
    'FILE',
    'The key that IAM signs its verifiers with; without it no verifier is believed.',
  ),
  iam_token_prefix: listField(
    'PREFIX',
    'A prefix that marks IAM credentials, beside those of our own IAM auth service.',
  ),
  iam_jwt_issuer: textField('ISS', 'The iss of JWTs that only IAM issues.'),
  legacy_jwt_issuer: textField('ISS', 'The iss of JWTs that only the monolith issues.'),
}

const gateway = z.strictObject({
  listen: listenField('127.0.0.1:8181', 'Where clients and browsers reach the gateway.'),
  admin_listen: listenField('127.0.0.1:9181', 'Where health, metrics and the brake are served; not for the public.'),
  legacy_url: requiredUrlField('The monolith. Everything goes there that is not decided otherwise.'),
  iam_url: urlField('The IAM auth service. Without it the gateway is a plain pass-through.', {
    aliases: ['iamServiceURL'],
    environment: ['IAM_SERVICE_URL'],
  }),
  control_url: urlListField(
    'Decide by the snapshot streamed from this control plane; of several replicas, from one that answers.',
  ),
  control_token_file: pathField('FILE', 'The token for the snapshot stream.'),
  routing_url: urlField(
    'Decide by asking this routing endpoint for each request; a bare origin means its /-/oauth/iam_routing.',
  ),
  routing_secret_file: pathField('FILE', 'The 32 bytes, in base64, that sign the question to the routing endpoint.'),
  snapshot: pathField('FILE', 'Decide by this snapshot file, read again when it changes.'),
  environment,
  ...credentialMarks,
  flow_key_file: pathField(
    'FILE',
    "The key that marks flows as one side's, the same on all gateways. Default: made from the verifier key, else from the token or secret of the decision source.",
  ),
  iam_unmarked: switchField(
    'IAM issues credentials that nothing marks as its own: whose they are is remembered as they pass (the ledger).',
  ),
  ledger_url: textField('URL', 'The Redis or Valkey that gateways share the ledger in. Default: each keeps its own.', {
    pattern: /^rediss?:\/\/[^/\s]+(\/\d+)?$/,
    message: 'must be redis:// or rediss:// with a host, and perhaps a port and a database number',
  }),
  ledger_entries: integerField(
    { min: 1_000, max: 100_000_000, fallback: 1_000_000 },
    'Credentials that the ledger holds in memory at most; 13 bytes each, taken when first needed.',
  ),
  iam_shows_pages: switchField(
    'IAM shows consent pages of its own under /oauth/authorize, as another Doorkeeper does: its flows are marked too.',
  ),
  iam_path: ownPathsField(
    'Where IAM has an endpoint, where that is not where Doorkeeper has it, such as token=/oauth2/token.',
  ),
  legacy_path: ownPathsField('The same for the monolith: clients know this path, beside the one of Doorkeeper.'),
  iam_page: listField(
    'PATH',
    'A path at and below which IAM shows pages of its own to browsers, such as /interaction: always sent to IAM.',
    { pattern: OWN_PATH, message: 'must be a plain path such as /interaction' },
  ),
  iam_cookies: choiceField(
    ['marked', 'renamed'],
    'marked',
    'IAM begins the names of its cookies with _iam_, or is spared that: the gateway then adds it, and takes it away.',
  ),
  legacy_probe_client_id: textField(
    'ID',
    'A client of the monolith by which the gateway asks for a token (client_credentials, its secret in the form), looks at its marks and revokes it.',
  ),
  legacy_probe_secret_file: pathField('FILE', 'The secret of that client.'),
  legacy_probe_scope: textField('SCOPE', "The scope that it asks for. Default: the server's own default."),
  iam_probe_client_id: textField('ID', 'The same at IAM.'),
  iam_probe_secret_file: pathField('FILE', 'The secret of that client.'),
  iam_probe_scope: textField('SCOPE', "The scope that it asks for. Default: the server's own default."),
  mark_check_minutes: integerField(
    { min: 1, max: 1_440, fallback: 10 },
    'From one such look to the next; the first comes at the start.',
  ),
  relative_url_root: relativeUrlRoot,
  data_dir: pathField(
    'DIR',
    'Where the last good snapshot and the brake file are kept; without it nothing outlives a restart.',
  ),
  brake_file: pathField('FILE', 'While this file exists the brake is on. Default: "brake" in the data directory.'),
  name: textField('NAME', 'What the control plane calls this gateway. Default: the name of the machine.', {
    pattern: /^[\w.:-]{1,128}$/,
    message: 'must be letters, digits, dots, colons, dashes and underscores, at most 128',
  }),
  commit: textField('SHA', 'The commit this gateway was built from, for `auto_deploy status`.', {
    pattern: /^[0-9a-f]{7,64}$/,
    message: 'must be 7 to 64 lower-case hexadecimal digits',
  }),
  trusted_proxy: addressRangesField('A proxy before the gateway whose X-Forwarded-* and X-Request-Id are believed.'),
  workers: optionalIntegerField(
    { min: 1, max: 128 },
    'Processes that share the port. Default: one for each core but one, at most 8.',
  ),
  iam_probe_path: textField(
    'PATH',
    'What IAM is asked for to see whether it is up, while its circuit is open or many requests fail; any answer below 500 shows that it is. Default: /readyz.',
    { pattern: /^\/[!-~]*$/, message: 'must be a path such as /health/live' },
  ),
  connect_timeout_ms: milliseconds(2_000, 'For a connection to an upstream.'),
  iam_headers_timeout_ms: milliseconds(10_000, 'For the head of an answer from IAM.'),
  iam_new_flow_timeout_ms: milliseconds(
    3_000,
    'The same for a request that starts a flow, which the monolith then answers. No effect unless it is the shorter one.',
  ),
  legacy_headers_timeout_ms: milliseconds(60_000, 'For the head of an answer from the monolith.'),
  body_timeout_ms: milliseconds(60_000, 'Between two pieces of a body.'),
  routing_timeout_ms: milliseconds(1_000, 'For an answer of the routing endpoint.'),
  drain_ms: milliseconds(
    10_000,
    'When the gateway stops: how long it goes on answering requests that have come or are coming. What is left then is cut.',
  ),
  max_upstream_connections: integerField(
    { min: 8, max: 65_536, fallback: 1_024 },
    'Connections to one upstream in use at a time, per worker. OAuth requests and others each keep an eighth of those to the monolith for themselves.',
  ),
  upstream_queue: integerField(
    { min: 0, max: 65_536, fallback: 1_024 },
    'Requests that may wait for a connection, per worker, upstream and kind (OAuth, other); more are answered 503.',
  ),
  upstream_queue_ms: milliseconds(
    2_000,
    'How long a request waits for a connection; then a new flow goes to the monolith, and any other request is answered 503.',
  ),
  max_websockets: integerField(
    { min: 0, max: 1_000_000, fallback: 8_192 },
    'WebSockets open to the monolith at a time, per worker; more are answered 503. They do not count as connections above.',
  ),
  min_upload_rate: integerField(
    { min: 0, max: 1_048_576, fallback: 240 },
    'Bytes a second that a streamed upload must bring on the whole, beyond its first body_timeout_ms; a slower one is answered 408. Time in which the monolith does not take them does not count. 0: no bound.',
  ),
  max_head_bytes: integerField(
    { min: 8_192, max: 1_048_576, fallback: 114_688 },
    'The largest head of a request, cookies and all, in bytes; more is answered 431. The default is what Puma takes.',
  ),
  fast_lane: choiceField(
    ['on', 'off'],
    'on',
    'Serve plain requests to OAuth endpoints without node:http, at less cost.',
  ),
  test_controls: switchField('Pass /__lab/* on to both sides. Loopback only.'),
  application_metrics: integerField(
    { min: 0, max: 100_000, fallback: 200 },
    'So many applications have metrics of their own, the others share series; 0 for none.',
  ),
  log_noise: logNoise,
  ...tracing,
  log_level: logLevel,
})

const store = {
  database_url: databaseUrlField('The PostgreSQL to keep state in.'),
  data_dir: pathField(
    'DIR',
    'The directory for the embedded database, and for generated secrets. Secrets alone: ./data.',
  ),
}

/** What holds back guessing and floods, the same on both authorization servers. Counted in each process, unless said. */
const limits = {
  trusted_proxy: addressRangesField(
    'A proxy, such as the gateway, whose X-Forwarded-For is believed. Default: loopback and private networks.',
  ),
  rate_limits: choiceField(['on', 'off'], 'on', 'Hold back guessing and floods; off turns every limit below off.'),
  limit_address_requests: limitField('6000/1m', 'Requests from one address (IPv6: /64) that is not a trusted proxy.'),
  limit_address_failures: limitField('300/1m', 'Different wrong credentials of any kind from one such address.'),
  limit_device_starts: limitField('300/10m', 'Device codes asked for from one such address.'),
  limit_client_requests: limitField(
    '60000/1m',
    'Requests by one client that has shown its secret, from such addresses.',
  ),
  limit_client_failures: limitField(
    '20/10m',
    'Different wrong secrets for one client from one address, whichever it is.',
  ),
  limit_user_codes: limitField('10/10m', 'Wrong device codes typed by one user, counted over all processes.'),
  limit_user_codes_all: limitField(
    '600/5m',
    'Wrong device codes typed by all users who were wrong before, counted over all processes.',
  ),
}

const iamByDefault = choicesField(
  'ENVIRONMENT',
  ENVIRONMENT_NAMES,
  'An environment in which new flows go to IAM where nobody has set the routing flag: the end of a migration, after which the flag can be deleted. The same on every control plane.',
)

const control = z.strictObject({
  listen: listenField('127.0.0.1:8080', 'Where the API is served.'),
  trusted_proxy: addressRangesField('A proxy before the control plane whose X-Forwarded-* are believed.'),
  ...store,
  admin_token_file: pathField(
    'FILE',
    'Where the first administrator token is written. Default: admin-token in the data directory.',
  ),
  gateway_token_file: pathField(
    'FILE',
    'The token of gateways, made when absent. Default: gateway-token in the data directory.',
  ),
  replication_token_file: pathField(
    'FILE',
    'The token of replication, made when absent. Default: replication-token in the data directory.',
  ),
  routing_secret_file: pathField(
    'FILE',
    'The secret of the routing endpoint, made when absent. Default: routing-secret in the data directory.',
  ),
  definitions_dir: pathField('DIR', 'Flag definitions. Default: those that come with handover.'),
  environment,
  iam_internal_url: urlField(
    'The internal port of the IAM of that environment, asked for `handover tail` and `handover drain`.',
  ),
  internal_token_file: pathField(
    'FILE',
    'The token of that internal port. Default: iam-internal-token in the data directory.',
  ),
  ...credentialMarks,
  relative_url_root: relativeUrlRoot,
  iam_applications: choiceField(
    ['confirmed', 'by_platform'],
    'confirmed',
    'An application moves once replication or `handover applications confirm` has said that IAM holds its current version; or, by_platform, as soon as it is announced, because the platform creates and changes it at IAM first.',
  ),
  iam_by_default: iamByDefault,
  require_reason: choicesField(
    'ENVIRONMENT',
    ENVIRONMENT_NAMES,
    'An environment in which a change towards IAM must say why and name a change issue, by whatever door it comes.',
  ),
  access: structureField(accessSchema, 'How people sign in with a browser: sessions, OpenID Connect.'),
  chatops: structureField(chatOpsSchema, 'Commands of people: their rules, Slack, the channels of teams.'),
  effects: structureField(effectsSchema, 'Who is told of changes: dashboards, records, testers, end-to-end tests.'),
  forward_auth_open: switchField('Answer forward_auth without a token, where the network alone guards it.'),
  log_noise: logNoise,
  ...tracing,
  log_level: logLevel,
})

const iam = z.strictObject({
  listen: listenField('127.0.0.1:8084', 'Where OAuth is served.'),
  internal_listen: listenField('127.0.0.1:8085', 'Where the monolith and replication call; not for the public.'),
  issuer: requiredUrlField('The public origin under which clients and browsers know this server.'),
  ...store,
  internal_token_file: pathField(
    'FILE',
    'The token of the internal port, made when absent. Default: iam-internal-token in the data directory.',
  ),
  verifier_key_file: pathField(
    'FILE',
    'The key of verifiers, made when absent. Default: iam-verifier-key in the data directory.',
  ),
  sealing_key_file: pathField(
    'FILE',
    'The key that seals signing keys in the store, made when absent. Default: iam-sealing-key in the data directory.',
  ),
  previous_sealing_key_file: pathField(
    'FILE',
    'Opens signing keys that the key above does not, which are then sealed anew.',
  ),
  signing_key_days: integerField(
    { min: 0, max: 3_650, fallback: 90 },
    'A signing key is succeeded after so many days; 0: only by handover keys rotate.',
  ),
  signing_key_lead_hours: integerField(
    { min: 1, max: 8_760, fallback: 48 },
    'A signing key is published for so long before it signs: at least twice as long as any client caches key sets.',
  ),
  login_url: urlField('The sign-in page. Default: /users/sign_in of the issuer.'),
  consent_url: urlField('The consent page. Default: /-/iam/consent of the issuer.'),
  resource_owner_url: urlField(
    'Where passwords are checked for the password grant; without it that grant is not supported.',
  ),
  doorkeeper_version: doorkeeperVersion,
  access_token_format: choiceField(['opaque', 'jwt'], 'opaque', 'What access tokens are made of.'),
  access_token_signing_alg: choiceField(
    ['RS256', 'ES256', 'EdDSA'],
    'RS256',
    'What JWT access tokens are signed with; another than RS256 only from when its key has been published for the lead.',
  ),
  jwt_audience: textField('AUD', 'The aud of JWT access tokens. Default: gitlab-rails.'),
  ...tokenFields,
  ...claimFields,
  ...policyFields('revoke, whatever the policy'),
  ...limits,
  limit_login_starts: limitField('2000/10m', 'Sign-ins begun from one address that is not a trusted proxy.'),
  max_open_logins: integerField(
    { min: 1, max: 10_000_000, fallback: 100_000 },
    'Sign-ins of the last ten minutes that may wait for their user; further ones are answered 503, and the gateway sends them to the monolith. As many older ones are kept.',
  ),
  challenge_hours: integerField(
    { min: 1, max: 168, fallback: 24 },
    'For how many hours a sign-in or consent page that was left open can still be answered.',
  ),
  test_controls: switchField('Open /__lab/reset and /__lab/advance. Loopback only.'),
  log_noise: logNoise,
  ...tracing,
  log_level: logLevel,
})

const monolith = z.strictObject({
  listen: listenField('127.0.0.1:3000', 'Where the platform is served.'),
  issuer: requiredUrlField('The public origin under which clients and browsers know this server.'),
  ...store,
  iam_internal_url: urlField('The internal port of the IAM auth service; without it sign-in is never handed off.'),
  internal_token_file: pathField(
    'FILE',
    'The token of that internal port. Default: iam-internal-token in the data directory.',
  ),
  state_key_file: pathField(
    'FILE',
    'The key of sessions and of the sealed signing key, made when absent. Default: monolith-state-key in the data directory.',
  ),
  admin_token_file: pathField(
    'FILE',
    'The token of the API by which users are looked after (/api/v4/users/:id), made when absent; without it that API is not served.',
  ),
  control_url: urlField('The control plane to tell of applications.'),
  metrics_listen: optionalListenField('Where metrics are served, not for the public; without it nowhere.'),
  control_token_file: pathField('FILE', 'The token of replication at the control plane.'),
  doorkeeper_version: doorkeeperVersion,
  seed: pathField('FILE', 'Users and applications to begin with, as JSON.'),
  ...tokenFields,
  ...claimFields,
  ...policyFields('by the policy'),
  ...limits,
  limit_user_codes_address: limitField(
    '30/10m',
    'Wrong device codes typed at one address by users who were wrong before, counted over all processes.',
  ),
  confirm_device: switchField(
    'Show which client asks for what before a device is let in, where Doorkeeper lets it in at once (RFC 8628 §5.4); advised.',
  ),
  limit_sign_in: limitField('10/10m', 'Different wrong passwords for one user from one address or known browser.'),
  limit_sign_in_name: limitField(
    '100/1h',
    'Different wrong passwords for one user from all places where they never signed in.',
  ),
  limit_sign_in_address: limitField('300/10m', 'Different wrong user names and passwords from one address.'),
  test_controls: switchField('Open /__lab/reset and /__lab/advance. Loopback only.'),
  ...tracing,
  log_level: logLevel,
})

const up = z.strictObject({
  data_dir: defaultPathField('DIR', './data', 'Where everything is kept.'),
  port_base: optionalIntegerField(
    { min: 1, max: 65_529 },
    'Gateway N, its admin port N+1, control plane N+2, IAM N+3, IAM internal N+4, monolith N+5, demo client N+6.',
  ),
  doorkeeper_version: doorkeeperVersion,
  policy: policyPreset,
  ...claimFields,
  seed: pathField('FILE', 'Users and applications to begin with, as JSON.'),
  test_controls: switchField('Open /__lab/reset and /__lab/advance on both sides.'),
  no_demo: switchField('Leave the demo client and its data out.'),
  iam_by_default: iamByDefault,
  log_json: switchField(
    'Print the log as JSON lines. Without it, routing decisions, warnings and errors appear as readable lines, and the whole log goes to handover.log in the data directory.',
  ),
  log_level: logLevel,
})

/** What can be configured, a section for each command; the file, the variables and the flags are all held to it. */
export const sections = { gateway, control, iam, monolith, up } as const
export type Section = keyof typeof sections
export type Settings<S extends Section> = z.infer<(typeof sections)[S]>

/** The whole file: every section may be there, nothing else may. */
export const fileSchema = z.strictObject({
  gateway: z.record(z.string(), z.unknown()).optional(),
  control: z.record(z.string(), z.unknown()).optional(),
  iam: z.record(z.string(), z.unknown()).optional(),
  monolith: z.record(z.string(), z.unknown()).optional(),
  up: z.record(z.string(), z.unknown()).optional(),
})
