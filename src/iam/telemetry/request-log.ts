import { randomUUID } from 'node:crypto'
import { headerOf } from '../../authorization-server/index.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../http/index.ts'
import {
  currentRequest,
  endSpan,
  givenCorrelationId,
  type LineBudget,
  type Log,
  runInRequest,
  spanOfRequest,
  type Tracing,
} from '../../observability/index.ts'
import { endpointOf, loggablePath } from './public-path.ts'

const TRACE_PARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/

/** The errors that a caller without an application can provoke. */
const REFUSALS: Readonly<Record<number, string>> = { 401: 'unauthorized', 404: 'not_found', 429: 'too_many_requests' }

/** The correlation id of the current request; undefined outside a request. */
export function currentCorrelationId(): string | undefined {
  return currentRequest()?.correlationId
}

/** What request logging depends on. */
interface RequestLogParts {
  readonly log: Log
  readonly tracing: Tracing | undefined
  /** The log line budget for unauthenticated callers. */
  readonly logSampling: LineBudget
}

/**
 * Wraps `answer`: adds the correlation id to the answer, and writes one log line per request, except for refusals
 * beyond the budget.
 */
export function logged(
  { log, tracing, logSampling }: RequestLogParts,
  port: 'public' | 'internal',
  answer: (request: HttpRequest) => Promise<HttpReply>,
): HttpHandler {
  return async (request) => {
    const startedAt = performance.now()
    const correlationId = correlationIdOf(request)
    const line = (status: number, oauth_error?: string) => {
      const kind = port === 'public' ? REFUSALS[status] : undefined
      if (kind !== undefined && !logSampling.admit(kind)) return
      const duration_ms = Math.round((performance.now() - startedAt) * 10) / 10
      const { method } = request
      const path = loggablePath(request.path)
      const level = /^\/(healthz|readyz|metrics)$/.test(path) ? 'debug' : 'info'
      const said = { port, method, path, status, ...(oauth_error !== undefined && { oauth_error }) }
      log[level]({ ...said, duration_ms, correlation_id: correlationId }, 'request')
    }
    const route = port === 'public' ? endpointOf(request.path) : 'internal'
    const { traceparent } = request.headers
    const span = spanOfRequest(tracing, { method: request.method, route, traceparent, correlationId })
    const context = { correlationId, span }
    try {
      const reply = await runInRequest(context, () => answer(request))
      runInRequest(context, () => line(reply.status, oauthErrorOf(reply)))
      endSpan(span, reply.status)
      if (headerOf(reply.headers, 'x-request-id') !== undefined) return reply
      return { ...reply, headers: [...reply.headers, ['X-Request-Id', correlationId]] }
    } catch (error) {
      runInRequest(context, () => line(500))
      endSpan(span, 500)
      throw error
    }
  }
}

/**
 * X-Request-Id, else the trace id of `traceparent`, else a new id; it links the log lines of a request across parts.
 */
function correlationIdOf(request: HttpRequest): string {
  const given = givenCorrelationId(request.headers['x-request-id'])
  if (given !== undefined) return given
  const trace = request.headers['traceparent']
  return (typeof trace === 'string' ? TRACE_PARENT.exec(trace)?.[1] : undefined) ?? randomUUID()
}

const ERROR_CODE = /^[a-z_]{1,40}$/

/** The OAuth error in an answer: a JSON member (RFC 6749 §5.2) or in a redirect to the client (§4.1.2.1, §4.2.2.1). */
export function oauthErrorOf({ status, headers, body }: HttpReply): string | undefined {
  if (status < 300) return undefined
  const code = status < 400 ? errorInRedirect(headerOf(headers, 'location') ?? '') : errorInJson(String(body))
  return code !== undefined && ERROR_CODE.test(code) ? code : undefined
}

function errorInRedirect(location: string): string | undefined {
  return /[?&#]error=([^&#]*)/.exec(location)?.[1]
}

function errorInJson(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    return typeof error === 'string' ? error : undefined
  } catch {
    return undefined
  }
}
