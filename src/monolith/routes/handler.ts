import { randomUUID } from 'node:crypto'
import {
  type AuthorizationServer,
  conditional,
  pageReply,
  publicError,
  type RequestLimits,
  retryAfter,
  TOO_MANY_TEXT,
} from '../../authorization-server/index.ts'
import { RESOURCE_OWNER_PATH } from '../../handoff/index.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../http/index.ts'
import {
  currentRequest,
  endSpan,
  givenCorrelationId,
  type Log,
  runInRequest,
  spanOfRequest,
  type Tracing,
} from '../../observability/index.ts'
import { contentSecurityPolicy } from '../browser/answers.ts'
import { isForeign, isForgeryFree } from '../browser/csrf.ts'
import type { FindPages, FoundPages } from '../browser/routes.ts'
import { areaOf } from '../metrics.ts'
import { layout } from '../pages/layout.ts'
import { messageBody } from '../pages/message.ts'
import { openSession, type Session } from '../sessions/session.ts'
import type { SignedInSessions } from '../sessions/signed-in-sessions.ts'
import { textOf } from '../text-parameters.ts'
import { PasswordChecksBusyError } from '../users/password-checks.ts'
import type { Users } from '../users/users.ts'

/** Answers a request without a session. */
export type PlainAnswer = (request: HttpRequest) => Promise<HttpReply | undefined>

/** What the monolith's request handler depends on. */
export interface HandlerOptions {
  readonly core: AuthorizationServer
  readonly pages: FindPages
  readonly users: Users
  readonly sessions: SignedInSessions
  readonly sessionKey: Uint8Array
  readonly issuer: string
  readonly apiUser: (request: HttpRequest) => Promise<HttpReply>
  readonly resourceOwner: (request: HttpRequest) => Promise<HttpReply>
  /** The user administration API; undefined where it is disabled. */
  readonly admin: PlainAnswer | undefined
  /** Undefined where test controls are disabled. */
  readonly testControl: PlainAnswer | undefined
  /** Whether the store answers. */
  readonly isReady: () => Promise<boolean>
  readonly limits: RequestLimits
  readonly log: Log
  readonly tracing: Tracing | undefined
}

/** The id of the current request, as in `X-Request-Id`; undefined outside a request. */
export function currentRequestId(): string | undefined {
  return currentRequest()?.correlationId
}

/** The monolith's answer to every request: pages, protocol endpoints, the API, and the 404 page for the rest (O001). */
export function monolithHandler(options: HandlerOptions): HttpHandler {
  return async (request) => {
    const started = performance.now()
    const requestId = givenCorrelationId(request.headers['x-request-id']) ?? randomUUID()
    const span = spanOfRequest(options.tracing, {
      ...{ method: request.method, route: areaOf(request.path), correlationId: requestId },
      traceparent: request.headers['traceparent'],
    })
    const reply = await runInRequest({ correlationId: requestId, span }, () =>
      answer(request, options).catch((error: unknown) => {
        if (error instanceof PasswordChecksBusyError) return busy(request)
        options.log.error(
          { err: error, method: request.method, path: request.path, correlation_id: requestId },
          'failed',
        )
        return publicError(500, request)
      }),
    )
    endSpan(span, reply.status)
    const runtime = ((performance.now() - started) / 1_000).toFixed(6)
    return { ...reply, headers: [...reply.headers, ['X-Request-Id', requestId], ['X-Runtime', runtime]] }
  }
}

const RETRY_AFTER_SECONDS = '2'

/** 503, so that neither a person nor a client takes a full queue for a wrong password (RFC 9110 §15.6.4). */
function busy(request: HttpRequest): HttpReply {
  const isPage = request.path.startsWith('/users/')
  const text = 'Too many people are signing in at this moment. Please try again in a few seconds.'
  return {
    status: 503,
    headers: [
      ['Content-Type', isPage ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8'],
      ['Cache-Control', 'no-store'],
      ['Retry-After', RETRY_AFTER_SECONDS],
    ],
    body: isPage ? `${text}\n` : JSON.stringify({ error: 'temporarily_unavailable', error_description: text }),
  }
}

async function answer(request: HttpRequest, options: HandlerOptions): Promise<HttpReply> {
  const plain = await withoutSession(request, options)
  if (plain) return plain
  const found = options.pages(request.path)
  const reply = found ? (tooMany(request, options) ?? (await visitPage(request, found, options))) : undefined
  return reply ?? (await options.core.handle(request)) ?? publicError(404, request)
}

function tooMany(request: HttpRequest, { limits }: HandlerOptions): HttpReply | undefined {
  const caller = limits.callerOf(request)
  const refused = limits.admit('page', caller)
  if (refused === undefined) return undefined
  limits.reached({ endpoint: 'page', limit: refused.limit, network: caller.address.network })
  const document = layout({
    title: 'Too many requests',
    body: messageBody({ heading: 'Too many requests', text: TOO_MANY_TEXT }),
  })
  return pageReply(429, document, [
    ['Content-Security-Policy', contentSecurityPolicy([])],
    ['Cache-Control', 'no-store'],
    retryAfter(refused.waitMs),
  ])
}

async function withoutSession(request: HttpRequest, options: HandlerOptions): Promise<HttpReply | undefined> {
  switch (request.path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '')) {
    case '/healthz':
      return health(true)
    case '/readyz':
      return health(await options.isReady())
    case RESOURCE_OWNER_PATH:
      return options.resourceOwner(request)
    case '/api/v4/user':
    case '/api/v4/user.json': {
      if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
      return conditional(request.method, request.headers['if-none-match'], await options.apiUser(request))
    }
    default:
      if (/^\/api\/v4\/users(\/|$)/.test(request.path)) return options.admin?.(request)
      return request.path.startsWith('/__lab/') ? options.testControl?.(request) : undefined
  }
}

function health(isGood: boolean): HttpReply {
  return {
    status: isGood ? 200 : 503,
    headers: [['Content-Type', 'text/plain']],
    body: isGood ? 'ok\n' : 'not ready\n',
  }
}

async function visitPage(
  request: HttpRequest,
  found: FoundPages,
  options: HandlerOptions,
): Promise<HttpReply | undefined> {
  const read = options.core.readParameters(request)
  if (!read.ok) return read.reply
  const method = read.method === 'HEAD' ? 'GET' : read.method
  if (!found.answers.has(method)) return undefined
  const { parameters } = read
  const session = openSession(request.headers.cookie, options.sessionKey)
  const evidence = evidenceOf(request, textOf(parameters['authenticity_token']), options)
  const isGenuine = method === 'GET' || isForgeryFree(session, evidence)
  const answerPage = found.answers.get(isGenuine ? method : `STALE_${method}`)
  if (!answerPage || (!isGenuine && isForeign(evidence))) return publicError(422, request)
  const owner = await ownerOf(session, options)
  if (!isGenuine && !owner) return publicError(422, request)
  const reply = await answerPage({ request, method, parameters, segments: found.segments, session, owner })
  const cookies = session.cookies([request.origin, options.issuer].some((origin) => origin.startsWith('https:')))
  return { ...reply, headers: [...reply.headers, ...cookies.map((cookie) => ['Set-Cookie', cookie] as const)] }
}

function evidenceOf(request: HttpRequest, token: string | undefined, { issuer }: HandlerOptions) {
  const header = request.headers['x-csrf-token']
  return {
    tokens: [token, typeof header === 'string' ? header : undefined],
    origin: request.headers.origin,
    ownOrigins: [request.origin, new URL(issuer).origin],
  }
}

async function ownerOf(session: Session, { sessions, users }: HandlerOptions) {
  const { id } = session.data
  const userId = id === undefined ? undefined : await sessions.userOf(id)
  return userId === undefined ? undefined : users.find(userId)
}
