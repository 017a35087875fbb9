import { DEFAULT_LIMITS, type GatewayLimits, type GatewaySettings, PEER_HEADER } from '../../gateway/index.ts'
import { formatListenAddress } from '../../http/index.ts'
import { COUNTS_TABLE, type DataPlaneSettings, MAP_FILE, SOCKET_FILE } from '../settings.ts'
import { apologies, type BackendSettings, backends } from './backends.ts'
import { decidingRules } from './deciding-rules.ts'
import { errorFiles } from './error-answers.ts'
import { DIGITS_FILE, digitsFile } from './flow-mark.ts'
import { originVariables } from './header-rules.ts'
import { countsTable, recordRules, recordVariables } from './records.ts'

/** Where HAProxy finds the gateway behind it, and the secret that shows the gateway that it is HAProxy. */
export interface GatewayBehind {
  /** `host:port` */
  readonly address: string
  readonly secret: string
}

/** A file of the data plane's directory. */
export interface ConfigurationFile {
  readonly name: string
  readonly text: string
}

/** Files that the configuration refers to; they change with the program only. */
export function fixedFiles(): ConfigurationFile[] {
  const errors = errorFiles().map(({ name, body }) => ({ name, text: body }))
  return [...errors, { name: DIGITS_FILE, text: digitsFile() }]
}

/**
 * Why the gateway decides every OAuth request; undefined if HAProxy decides what it can. These settings need what only
 * the gateway has: its ledger, its own paths and cookies, spans, TLS to an upstream, or a query for each request.
 */
export function whyGatewayDecides(settings: GatewaySettings): string | undefined {
  const { iamUrl, source, ledger, tracing, iamPaths = {}, legacyPaths = {} } = settings
  if (iamUrl === undefined) return 'there is no IAM'
  if (source.kind === 'endpoint') return 'decisions come from a routing endpoint'
  if (settings.isIamUnmarked || ledger?.url !== undefined) return 'the ledger knows the issuers of credentials'
  if (settings.renamesIamCookies) return 'the cookies of IAM are renamed'
  if (settings.relativeUrlRoot) return 'there is a relative URL root'
  if (tracing !== undefined) return 'requests are traced'
  if (Object.keys({ ...iamPaths, ...legacyPaths }).length > 0) return 'a side has paths of its own'
  return isSecure(iamUrl) || isSecure(settings.legacyUrl) ? 'an upstream is reached over TLS' : undefined
}

function isSecure(url: string): boolean {
  return new URL(url).protocol === 'https:'
}

/** Writes the configuration of HAProxy for these settings; pure. */
export function haproxyConfiguration(settings: DataPlaneSettings, behind: GatewayBehind): string {
  const { gateway, directory } = settings
  const limits: GatewayLimits = { ...DEFAULT_LIMITS, ...gateway.limits }
  const parts = backendSettings(settings, behind, limits)
  const sections: Array<readonly [string, readonly string[]]> = [
    ['global', globalLines(settings, limits)],
    ['defaults', defaultLines(limits)],
    ['frontend public', frontendLines(settings, parts, limits)],
    ...(whyGatewayDecides(gateway) === undefined ? [[`backend ${COUNTS_TABLE}`, countsTable()] as const] : []),
    ...apologies(parts),
    ...backends(parts).map(([name, lines]) => [`backend ${name}`, lines] as const),
  ]
  const text = sections.map(([head, lines]) => `${head}\n${lines.map((line) => `  ${line}\n`).join('')}`).join('\n')
  return `# Written by handover dataplane haproxy in ${directory}; a change by hand is lost at its next start.\n\n${text}`
}

function backendSettings(settings: DataPlaneSettings, behind: GatewayBehind, limits: GatewayLimits): BackendSettings {
  const { gateway, directory } = settings
  const legacy = upstream(gateway.legacyUrl)
  const iam = gateway.iamUrl === undefined ? undefined : upstream(gateway.iamUrl)
  return {
    ...{ directory, limits, legacy, iam, flowKey: gateway.flowKey },
    hasIam: iam !== undefined,
    trustedProxies: gateway.trustedProxies ?? [],
    internalHosts: [...legacy.hosts, ...(iam?.hosts ?? [])],
    gateway: behind.address,
    frontSecret: behind.secret,
    peerHeader: PEER_HEADER,
    iamProbePath: gateway.iamProbePath ?? '/readyz',
  }
}

function upstream(url: string): { readonly address: string; readonly hosts: readonly string[] } {
  const { host, port, hostname, protocol } = new URL(url)
  const number = port === '' ? (protocol === 'https:' ? '443' : '80') : port
  return { address: `${hostname}:${number}`, hosts: port === '' ? [host, `${host}:${number}`] : [host] }
}

const LONGEST_HEAD = 28_672
const REWRITE_ROOM = 4_096

function globalLines({ directory, threads }: DataPlaneSettings, limits: GatewayLimits): string[] {
  return [
    `stats socket unix@${directory}/${SOCKET_FILE} mode 600 level admin expose-fd listeners`,
    'stats timeout 60s',
    ...(threads === undefined ? [] : [`nbthread ${threads}`]),
    // A head must fit into one buffer, with room for the headers that are added. HAProxy copies a whole buffer for each
    // request that it may send again, so larger ones cost every request.
    `tune.bufsize ${Math.min(limits.requestHeadBytes, LONGEST_HEAD) + REWRITE_ROOM}`,
    `tune.maxrewrite ${REWRITE_ROOM}`,
    'tune.http.maxhdr 256',
    `hard-stop-after ${limits.drainMs}ms`,
  ]
}

function defaultLines(limits: GatewayLimits): string[] {
  return [
    'mode http',
    `timeout connect ${limits.connectMs}ms`,
    `timeout client ${limits.bodyIdleMs}ms`,
    `timeout server ${limits.bodyIdleMs}ms`,
    `timeout http-request ${limits.requestHeadMs}ms`,
    'timeout http-keep-alive 75s',
    `timeout queue ${limits.queueMs}ms`,
    'timeout tunnel 1h',
    'timeout client-fin 30s',
    'http-reuse safe',
    'option http-keep-alive',
    'option abortonclose',
    'retries 0',
  ]
}

/** Without TLS the gateway speaks HTTP/1.1 only; HAProxy would also accept the preface of HTTP/2. */
function hasProtocol(bindOptions: string): boolean {
  return /(?:^|\s)(?:ssl|proto|alpn)(?:\s|$)/.test(bindOptions)
}

const HOST = String.raw`^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::[0-9]{0,5})?\z`
const ORDINARY_CONNECTION = String.raw`^(?i:keep-alive|close|upgrade|keep-alive, ?upgrade)\z`

/** Refuses what two servers could read differently, and sorts requests by who decides them. */
function frontendLines(settings: DataPlaneSettings, parts: BackendSettings, limits: GatewayLimits): string[] {
  const { gateway, bindOptions, directory } = settings
  const listen = formatListenAddress(gateway.listen)
  const toGateway = 'http-request set-var(txn.gateway) bool(true) if'
  const decides = whyGatewayDecides(gateway) === undefined
  return [
    `bind ${listen} ${bindOptions}${hasProtocol(bindOptions) ? '' : ' proto h1'}`,
    'acl is_token path -m str /oauth/token',
    'acl is_form path -m str /oauth/token /oauth/authorize_device',
    'acl is_authorize path -m str /oauth/authorize',
    'acl is_page req.fhdr(accept) -m sub text/html',
    'http-request deny deny_status 405 if METH_TRACE || METH_CONNECT',
    'http-request deny deny_status 400 if { url -m sub "#" }',
    'http-request deny deny_status 400 if !{ fc_http_major 2 } !{ req.ver 1.0 1.1 }',
    'http-request deny deny_status 400 if { req.fhdr(transfer-encoding) -m found } !{ req.fhdr(transfer-encoding) -m str -i chunked }',
    'http-request deny deny_status 400 if { req.fhdr(transfer-encoding) -m found } { req.ver 1.0 }',
    `http-request deny deny_status 400 if { req.fhdr(host) -m found } !{ req.fhdr(host) -m reg '${HOST}' }`,
    'http-request deny deny_status 400 if !{ req.fhdr(host) -m found } !{ req.ver 1.0 }',
    ...originVariables(parts),
    // What HAProxy would pass on otherwise than the gateway does.
    `${toGateway} !{ url -m beg / } !{ fc_http_major 2 }`,
    `${toGateway} { req.fhdr(forwarded) -m found } || { req.fhdr_cnt(x-forwarded-for) gt 1 } || { req.fhdr_cnt(cookie) gt 1 }`,
    `${toGateway} { req.fhdr(connection) -m found } !{ req.fhdr(connection) -m reg '${ORDINARY_CONNECTION}' } || { req.fhdr_cnt(connection) gt 1 }`,
    `${toGateway} { req.fhdr(upgrade) -m found } !{ req.fhdr(upgrade) -m str -i websocket } || { req.fhdr(upgrade) -m found } !METH_GET`,
    ...everythingToGateway(gateway).map((why) => `${toGateway} TRUE # ${why}`),
    ...(decides
      ? decidingRules({
          mapFile: `${directory}/${MAP_FILE}`,
          extraIamPrefixes: gateway.extraIamPrefixes ?? [],
          hasJwtIssuers: gateway.iamJwtIssuer !== undefined || gateway.legacyJwtIssuer !== undefined,
          decidesAuthorize: gateway.marksIamFlows !== true,
          bodyMs: limits.requestBodyMs,
        })
      : []),
    ...(parts.hasIam ? oauthRules(gateway).map((when) => `${toGateway} !{ var(txn.read) -m bool } ${when}`) : []),
    'use_backend gateway if { var(txn.gateway) -m bool }',
    ...(decides ? [...recordVariables(), ...recordRules(), ...choiceOfBackend()] : []),
    'use_backend legacy_any_page if is_page',
    'default_backend legacy',
  ]
}

/** Why not even other traffic goes to legacy directly, if so. */
function everythingToGateway({ legacyUrl, legacyPaths = {}, iamPages = [], testControls }: GatewaySettings): string[] {
  if (isSecure(legacyUrl)) return ['legacy is reached over TLS']
  if (testControls) return ['test controls']
  return Object.keys(legacyPaths).length > 0 || iamPages.length > 0 ? ['a side has paths of its own'] : []
}

/**
 * The conditions under which a path may be an OAuth endpoint in any spelling: wider than `matchEndpoint`, so that none
 * slips past.
 */
function oauthRules(_gateway: GatewaySettings): string[] {
  const words = 'oauth/ well-known/'
  return [
    `{ path -m sub -i ${words} }`,
    `{ path -m sub % } { path,url_dec -m sub -i ${words} }`,
    '{ path -m sub % } !{ path,url_dec -m found }',
  ]
}

function choiceOfBackend(): string[] {
  const reason = (...names: string[]) => `{ var(txn.reason) -m str ${names.join(' ')} }`
  return [
    `use_backend iam_credential if ${reason('credential_issuer')}`,
    `use_backend iam_new_page if ${reason('flag_enabled')} is_authorize is_page`,
    `use_backend iam_new if ${reason('flag_enabled')}`,
    'use_backend legacy_page if { var(txn.reason) -m found } is_authorize is_page',
    'use_backend legacy_json if { var(txn.reason) -m found }',
  ]
}
