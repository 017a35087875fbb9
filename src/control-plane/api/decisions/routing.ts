import type { FastifyReply, FastifyRequest } from 'fastify'
import { errors, jwtVerify } from 'jose'
import { loggableClientId, readFacts, WIRE_DESTINATION } from '../../../routing/index.ts'
import { READERS } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { type DescribedRequest, decideDescribed, decideFacts, factsOfClient } from '../../explain/what-if.ts'
import { sendGitLabError, sendProblem } from '../../requests/problems.ts'
import type { StateCache } from '../../state/state-cache.ts'
import { bearerTokenOf, privateTokenOf, waitAfterWrong } from '../hooks/authentication.ts'

export const ROUTING_PATHS = ['/-/oauth/iam_routing', '/api/v4/internal/workhorse/oauth_routing'] as const
export const FORWARD_AUTH_PATH = '/-/oauth/forward_auth'

/** The component that the routing endpoint's log lines name, as in the original design. */
export const ROUTING_CONTROLLER = 'Oauth::IamRoutingController'
/** Callers sign their requests or use an own token. */
const OWN_CHECK = { roles: 'anyone' } as const
const VENDOR_TYPE = 'application/vnd.gitlab-workhorse+json'
const SIGNATURE_HEADER = 'gitlab-workhorse-api-request'
const SIGNER = 'gitlab-workhorse'
const SIGNATURE_LIFE_S = 90

/** The decisions that proxies request: the routing endpoint of the original design, and forward_auth. */
export function routingRoutes(api: Api, control: ControlContext): void {
  api.register(async (scope: Api) => {
    // Decisions are based on the raw body, so no parser may touch it first.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    for (const url of ROUTING_PATHS) {
      scope.post(
        url,
        {
          config: OWN_CHECK,
          schema: { tags: ['routing'], summary: 'Route a client; for gateways that query each request' },
        },
        (request, reply) => answerRouting(control, request, reply),
      )
    }
    for (const url of [FORWARD_AUTH_PATH, `${FORWARD_AUTH_PATH}/*`]) {
      scope.all(
        url,
        {
          config: OWN_CHECK,
          schema: { hide: url.endsWith('*'), tags: ['routing'], summary: 'Route a request; for any proxy' },
        },
        (request, reply) => answerForwardAuth(control, request, reply),
      )
    }
  })
}

async function answerRouting(control: ControlContext, request: FastifyRequest, reply: FastifyReply) {
  const began = performance.now()
  const log = control.log.child({ controller: ROUTING_CONTROLLER, correlation_id: request.id })
  if (!(await isSigned(control.routingSecret, request.headers[SIGNATURE_HEADER]))) {
    if (control.logSampling.admit('unsigned')) {
      log.info({ status: 403, duration_ms: round(performance.now() - began) }, 'oauth routing')
    }
    return sendGitLabError(reply, 403)
  }
  const asked = readFacts(
    {
      endpoint: 'authorize',
      method: 'POST',
      query: queryOf(request),
      contentType: request.headers['content-type'],
      authorization: undefined,
      hasRepeatedHeader: false,
      body: Buffer.isBuffer(request.body) ? request.body : undefined,
    },
    control.credentialMarks,
    Date.now() / 1_000,
  )
  const { cache } = control.feed
  const decision = decideFacts(cache, control.environment, factsOfClient(asked.clientId, asked.fault))
  const destination = WIRE_DESTINATION[decision.destination]
  const line = {
    status: 200,
    client_id: loggable(asked.clientId, cache),
    application_id: decision.applicationId,
    destination,
    reason: decision.reason,
    flag_version: cache.version,
    duration_ms: round(performance.now() - began),
  }
  if (decision.applicationId !== undefined || control.logSampling.admit(decision.reason))
    log.info(line, 'oauth routing')
  return reply.code(200).header('Content-Type', VENDOR_TYPE).serializer(String).send(JSON.stringify({ destination }))
}

function loggable(clientId: string | undefined, cache: StateCache): string | undefined {
  return clientId === undefined
    ? undefined
    : loggableClientId(clientId, cache.applicationByClientId(clientId) !== undefined)
}

/**
 * Whether a header is a JWT of the gateway: HS256 with the shared secret, from the known issuer, issued within 90 s of
 * now.
 */
async function isSigned(secret: Uint8Array | undefined, header: string | string[] | undefined): Promise<boolean> {
  if (!secret || typeof header !== 'string' || header.length > 4_096) return false
  try {
    const { payload } = await jwtVerify(header, secret, {
      algorithms: ['HS256'],
      issuer: SIGNER,
      requiredClaims: ['iat'],
      clockTolerance: SIGNATURE_LIFE_S,
    })
    return Math.abs(Date.now() / 1_000 - (payload.iat ?? 0)) <= SIGNATURE_LIFE_S
  } catch (error) {
    if (error instanceof errors.JOSEError) return false
    throw error
  }
}

async function answerForwardAuth(control: ControlContext, request: FastifyRequest, reply: FastifyReply) {
  const access = await forwardAuthAccess(control, request)
  if (access === 'refused') {
    const wait = waitAfterWrong(control, request, privateTokenOf(request) ?? bearerTokenOf(request))
    if (wait > 0) {
      const detail = `too many wrong tokens; try again in ${wait} s`
      return sendProblem(reply.header('Retry-After', String(wait)), 429, 'too_many_failures', { detail })
    }
    return sendProblem(reply, 401, 'unauthorized', {
      detail: 'a valid token is required, as PRIVATE-TOKEN or bearer token',
    })
  }
  const described = describedByHeaders(request, access === 'by_bearer')
  if (!described) {
    const detail = 'the original address must come as X-Forwarded-Uri or X-Original-URI: one path with its query'
    return sendProblem(reply, 400, 'invalid_request', { detail })
  }
  const { cache } = control.feed
  const { decision, facts } = decideDescribed(cache, control.environment, described, control, Date.now() / 1_000)
  const destination = WIRE_DESTINATION[decision.destination]
  control.log.debug(
    {
      correlation_id: request.id,
      method: described.method,
      path: described.target.split('?', 1)[0],
      client_id: loggable(facts?.clientId, cache),
      application_id: decision.applicationId,
      destination,
      reason: decision.reason,
      flag_version: cache.version,
    },
    'forward_auth',
  )
  return reply
    .code(hasPrefixedTarget(request) ? 200 : 204)
    .header('X-Handover-Destination', destination)
    .header('X-Handover-Reason', decision.reason)
    .header('Cache-Control', 'no-store')
    .send()
}

/**
 * How the caller authenticates. The original request's own `Authorization` is a separate header and must not be
 * mistaken for ours.
 */
async function forwardAuthAccess(
  control: ControlContext,
  request: FastifyRequest,
): Promise<'by_bearer' | 'granted' | 'refused'> {
  const privateToken = privateTokenOf(request)
  const caller = privateToken === undefined ? undefined : await control.tokens.find(privateToken)
  if (caller && READERS.includes(caller.role)) return 'granted'
  const bearer = bearerTokenOf(request)
  if (bearer !== undefined && (await control.tokens.find(bearer))) return 'by_bearer'
  return control.forwardAuthOpen ? 'granted' : 'refused'
}

const BORROWED_HEADERS = ['authorization', 'content-type', 'x-forwarded-uri', 'x-original-uri', 'x-original-url']

/**
 * The original request, from the headers with which proxies pass it on; undefined if they do not say what was
 * requested.
 */
function describedByHeaders(request: FastifyRequest, isBearerOurs: boolean): DescribedRequest | undefined {
  const header = (name: string) => {
    const value = request.headers[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const target = header('x-forwarded-uri') ?? header('x-original-uri') ?? targetBehindPrefix(request)
  if (target === undefined || !target.startsWith('/')) return undefined
  const method = header('x-forwarded-method') ?? header('x-original-method') ?? request.method
  return {
    method: method.toUpperCase(),
    target,
    contentType: header('content-type'),
    authorization: isBearerOurs ? undefined : header('authorization'),
    hasRepeatedHeader: hasRepeated(request.raw.rawHeaders),
    body: Buffer.isBuffer(request.body) ? request.body : undefined,
  }
}

/**
 * Envoy's ext_authz appends the original path to a prefix instead of sending it in a header, and accepts only 200 as
 * approval.
 */
function hasPrefixedTarget(request: FastifyRequest): boolean {
  return request.url.startsWith('/', FORWARD_AUTH_PATH.length)
}

function targetBehindPrefix(request: FastifyRequest): string | undefined {
  return hasPrefixedTarget(request) ? request.url.slice(FORWARD_AUTH_PATH.length) : undefined
}

function hasRepeated(rawHeaders: readonly string[]): boolean {
  const seen = new Set<string>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    if (!BORROWED_HEADERS.includes(name)) continue
    if (seen.has(name)) return true
    seen.add(name)
  }
  return false
}

function queryOf(request: FastifyRequest): string {
  const mark = request.url.indexOf('?')
  return mark < 0 ? '' : request.url.slice(mark + 1)
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1_000) / 1_000
}
