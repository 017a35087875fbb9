import type { Failure } from '../answers/failure.ts'
import type { AttemptOwner, RawHeaders, UpstreamRequest } from './attempt.ts'
import { UndiciAttempt } from './undici-attempt.ts'
import type { Upstream } from './upstream.ts'

/** An answer that has come whole. */
export interface WholeAnswer {
  readonly status: number
  readonly statusText: string
  readonly raw: RawHeaders
  /** Its Content-Length as sent. */
  readonly length: string | undefined
  readonly body: Buffer
}

const MAX_BYTES = 512 << 10

/**
 * Puts one request to one side and waits for the whole answer, of 512 KiB at most. Never rejects; a longer answer, and
 * one that broke off, counts as `closed`.
 */
export function askSide(
  upstream: Upstream,
  request: UpstreamRequest,
  timeoutMs: number,
): Promise<WholeAnswer | Failure> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    let head: Omit<WholeAnswer, 'body'> | undefined
    const finish = (outcome: WholeAnswer | Failure) => {
      clearTimeout(timer)
      resolve(outcome)
    }
    const owner: AttemptOwner = {
      onHead(status, statusText, raw, length) {
        head = { status, statusText, raw, length }
        return true
      },
      onEarlyHints() {},
      onData(chunk) {
        size += chunk.length
        if (size <= MAX_BYTES) chunks.push(chunk)
        else {
          attempt.cancel()
          finish('closed')
        }
        return true
      },
      onEnd() {
        finish(head === undefined ? 'closed' : { ...head, body: Buffer.concat(chunks) })
      },
      onFailure: (failure) => finish(failure),
      onCut: () => finish('closed'),
    }
    const attempt = new UndiciAttempt(owner)
    const timer = setTimeout(() => {
      attempt.cancel()
      finish('timed_out')
    }, timeoutMs)
    try {
      attempt.start(upstream, request)
    } catch {
      finish('closed')
    }
  })
}

/**
 * As {@link askSide}, with a second try where the connection ended and asking twice does no harm: a kept-alive
 * connection may have been closed just as it was used (RFC 9112 §9.3.1).
 */
export async function askPatiently(
  upstream: Upstream,
  request: UpstreamRequest,
  timeoutMs: number,
): Promise<WholeAnswer | Failure> {
  const answer = await askSide(upstream, request, timeoutMs)
  const isRepeatable = (request.method === 'GET' || request.method === 'HEAD') && request.body === null
  return answer === 'closed' && isRepeatable ? askSide(upstream, request, timeoutMs) : answer
}
