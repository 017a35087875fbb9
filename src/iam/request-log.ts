import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { headerOf } from '../authorization-server/index.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../http/index.ts'
import type { Log } from '../observability/index.ts'
import { loggablePath } from './public-path.ts'

const REQUEST_ID = /^[\w.:-]{1,128}$/
const TRACE_PARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/

const underWay = new AsyncLocalStorage<string>()

/** The correlation id of the request that is being answered; undefined outside of one. */
export function currentCorrelationId(): string | undefined {
  return underWay.getStore()
}

/** Answers as `answer` does, names the correlation id in the answer, and writes one line for each request. */
export function logged(
  log: Log,
  port: 'public' | 'internal',
  answer: (request: HttpRequest) => Promise<HttpReply>,
): HttpHandler {
  return async (request) => {
    const startedAt = performance.now()
    const correlationId = correlationIdOf(request)
    const line = (status: number) => {
      const duration_ms = Math.round((performance.now() - startedAt) * 10) / 10
      const { method } = request
      const path = loggablePath(request.path)
      const level = /^\/(healthz|readyz|metrics)$/.test(path) ? 'debug' : 'info'
      log[level]({ port, method, path, status, duration_ms, correlation_id: correlationId }, 'request')
    }
    try {
      const reply = await underWay.run(correlationId, () => answer(request))
      line(reply.status)
      if (headerOf(reply.headers, 'x-request-id') !== undefined) return reply
      return { ...reply, headers: [...reply.headers, ['X-Request-Id', correlationId]] }
    } catch (error) {
      line(500)
      throw error
    }
  }
}

/** X-Request-Id, else the trace of `traceparent`, else a new id; what joins the lines of one request across parts. */
function correlationIdOf(request: HttpRequest): string {
  const given = request.headers['x-request-id']
  if (typeof given === 'string' && REQUEST_ID.test(given)) return given
  const trace = request.headers['traceparent']
  return (typeof trace === 'string' ? TRACE_PARENT.exec(trace)?.[1] : undefined) ?? randomUUID()
}
