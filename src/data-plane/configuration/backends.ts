import type { GatewayLimits } from '../../gateway/index.ts'
import { type AnswerForm, apologyRules, errorRules, gatewayBackendErrors, unavailableRules } from './error-answers.ts'
import { flowMarkRules } from './flow-mark.ts'
import { type HeaderRuleSettings, requestRules, responseRules } from './header-rules.ts'
import { failoverRecord } from './records.ts'

/** An upstream as a server of HAProxy. */
export interface UpstreamServer {
  /** `host:port` */
  readonly address: string
}

/** What the backends depend on. */
export interface BackendSettings extends HeaderRuleSettings {
  readonly directory: string
  readonly legacy: UpstreamServer
  readonly iam: UpstreamServer | undefined
  /** Where the gateway behind HAProxy listens: `host:port`. */
  readonly gateway: string
  readonly frontSecret: string
  readonly peerHeader: string
  readonly limits: GatewayLimits
  readonly iamProbePath: string
  readonly flowKey: Uint8Array | undefined
}

/** The sections of all backends; each is a name and its lines. */
export function backends(settings: BackendSettings): Array<readonly [name: string, lines: readonly string[]]> {
  const sections: Array<readonly [string, readonly string[]]> = [
    ['gateway', gatewayBackend(settings)],
    ['legacy', legacyBackend(settings, 'text', false)],
    ['legacy_any_page', legacyBackend(settings, 'page', false)],
  ]
  if (settings.iam === undefined) return sections
  return [
    ...sections,
    ['legacy_json', legacyBackend(settings, 'json', true)],
    ['legacy_page', legacyBackend(settings, 'page', true)],
    ['iam_new', newFlowBackend(settings, settings.iam, 'json')],
    ['iam_new_page', newFlowBackend(settings, settings.iam, 'page')],
    ['iam_credential', credentialBackend(settings, settings.iam)],
  ]
}

/** Passes a request on as it came; the gateway applies all rules itself. */
function gatewayBackend(settings: BackendSettings): string[] {
  const { limits, peerHeader, frontSecret, gateway, directory } = settings
  // The gateway has the limits of the sides; this one only ends what hangs.
  const longest = Math.max(limits.legacyHeadersMs, limits.bodyIdleMs, limits.iamHeadersMs) + 10_000
  return [
    `timeout server ${longest}ms`,
    `http-request set-header ${peerHeader} '${frontSecret} %[src] http' if !{ ssl_fc }`,
    `http-request set-header ${peerHeader} '${frontSecret} %[src] https' if { ssl_fc }`,
    // Says how long the gateway keeps its connection with HAProxy.
    'http-response del-header keep-alive',
    ...gatewayBackendErrors(directory),
    `server gateway ${gateway}`,
  ]
}

function legacyBackend(settings: BackendSettings, form: AnswerForm, marksFlows: boolean): string[] {
  const { limits, legacy, directory, flowKey } = settings
  return [
    `timeout server ${Math.max(limits.legacyHeadersMs, limits.bodyIdleMs)}ms`,
    ...requestRules('legacy', settings),
    ...responseRules('legacy', settings),
    ...(marksFlows && flowKey !== undefined ? flowMarkRules(flowKey, directory) : []),
    // A kept-alive connection may end just as it is used (RFC 9112 §9.3.1). A second failure is answered.
    'retries 2',
    'option redispatch -1',
    'retry-on empty-response',
    'http-request disable-l7-retry if !METH_GET',
    ...errorRules(form, directory),
    'use-server legacy if TRUE',
    `server legacy ${legacy.address} weight 0`,
    `server unavailable ${apologyAddress(directory, form)} weight 1`,
  ]
}

/** IAM first, and legacy if IAM fails: the first server has no weight, so only the first attempt goes there. */
function newFlowBackend(settings: BackendSettings, iam: UpstreamServer, form: AnswerForm): string[] {
  const { limits, legacy, directory, flowKey, iamProbePath } = settings
  const check = `check inter 1s fall 2 rise 1 observe layer4 error-limit 5 on-error mark-down`
  const health =
    form === 'json'
      ? [`option httpchk GET ${iamProbePath}`, 'http-check expect status 200-499', `timeout check ${limits.probeMs}ms`]
      : []
  const byLegacy = '{ srv_name -m str legacy }'
  return [
    `timeout server ${limits.iamNewFlowMs}ms`,
    ...health,
    ...requestRules('legacy', { ...settings, hasIam: false }),
    ...responseRules('legacy', { ...settings, hasIam: false }),
    ...responseCookies(settings),
    ...(flowKey === undefined ? [] : flowMarkRules(flowKey, directory).map((rule) => onlyIf(rule, byLegacy))),
    'retries 1',
    'option redispatch 1',
    'retry-on conn-failure empty-response response-timeout 500 501 502 503 504',
    ...failoverRecord(),
    ...errorRules(form, directory),
    ...unavailableAnswers(directory),
    'use-server iam if TRUE',
    `server iam ${iam.address} weight 0 ${form === 'json' ? check : 'track iam_new/iam'}`,
    `server legacy ${legacy.address} weight 1`,
  ]
}

/** What no retry can repair: a failure of IAM that HAProxy has no retry for. */
function unavailableAnswers(directory: string): string[] {
  return unavailableRules(directory, '{ var(txn.for_programs) -m bool }')
    .filter((rule) => rule.startsWith('http-response return'))
    .map((rule) => rule.replace(' if ', ' if { srv_name -m str iam } '))
}

function responseCookies(settings: BackendSettings): string[] {
  const cookieRules = (side: 'legacy' | 'iam') =>
    responseRules(side, settings)
      .filter((rule) => rule.includes('Set-Cookie'))
      .map((rule) => onlyIf(rule, `{ srv_name -m str ${side} }`))
  return [...cookieRules('legacy'), ...cookieRules('iam')]
}

/** The sections that answer for a server that cannot, on sockets in the data plane's directory. */
export function apologies({
  directory,
}: Pick<BackendSettings, 'directory'>): Array<readonly [string, readonly string[]]> {
  return (['text', 'json', 'page'] as const).map((form) => [
    `frontend apology_${form}`,
    [`bind ${apologyAddress(directory, form)}`, ...apologyRules(form, directory)],
  ])
}

function apologyAddress(directory: string, form: AnswerForm): string {
  return `unix@${directory}/apology.${form}`
}

/** Restricts a response rule; rules for requests come before a server is chosen. */
function onlyIf(rule: string, condition: string): string {
  if (rule.startsWith('http-request')) return rule
  const at = rule.lastIndexOf(' if ')
  return at < 0 ? `${rule} if ${condition}` : `${rule.slice(0, at)} if ${condition}${rule.slice(at + 3)}`
}

/**
 * A credential of IAM goes to IAM once, whatever happens. The retry goes to HAProxy's own apology: without it HAProxy
 * closes a kept-alive connection of the client without a word when IAM closes its own, and many clients then send the
 * credential again.
 */
function credentialBackend(settings: BackendSettings, iam: UpstreamServer): string[] {
  const { limits, directory } = settings
  return [
    `timeout server ${Math.max(limits.iamHeadersMs)}ms`,
    ...requestRules('iam', settings),
    ...responseRules('iam', settings),
    'retries 1',
    'option redispatch 1',
    'retry-on empty-response',
    ...unavailableRules(directory, 'TRUE'),
    'use-server iam if TRUE',
    `server iam ${iam.address} weight 0`,
    `server unavailable ${apologyAddress(directory, 'json')} weight 1`,
  ]
}
