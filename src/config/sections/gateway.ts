import { z } from 'zod'
import {
  addressRangesField,
  choiceField,
  integerField,
  listenField,
  listField,
  OWN_PATH,
  optionalIntegerField,
  ownPathsField,
  pathField,
  requiredUrlField,
  switchField,
  textField,
  urlField,
  urlListField,
} from '../fields/fields.ts'
import {
  credentialMarks,
  environment,
  logLevel,
  logSampling,
  milliseconds,
  relativeUrlRoot,
  tracing,
} from './shared-options.ts'

/** The options of `handover gateway`. */
export const gateway = z.strictObject({
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
