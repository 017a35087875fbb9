import type { Failure } from '../responses/failure.ts'
import type { AttemptOwner, RawHeaders, UpstreamRequest } from './attempt.ts'
import { UndiciAttempt } from './undici-attempt.ts'
import type { Upstream } from './upstream.ts'

/** A complete response. */
export interface CompleteResponse {
  readonly status: number
  readonly statusText: string
  readonly raw: RawHeaders
  /** The Content-Length as sent. */
  readonly length: string | undefined
  readonly body: Buffer
}

const MAX_BYTES = 512 << 10

/**
 * Sends one request to one side and waits at most `timeoutMs` for the complete response of at most 512 KiB. Never
 * rejects; a longer response and one that is cut off count as `closed`.
 */
export function queryUpstream(
  upstream: Upstream,
  request: UpstreamRequest,
  timeoutMs: number,
): Promise<CompleteResponse | Failure> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    let head: Omit<CompleteResponse, 'body'> | undefined
    const finish = (outcome: CompleteResponse | Failure) => {
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
 * Same as {@link queryUpstream}, but retries once if the connection was closed and the request is safe to repeat: a
 * kept-alive connection may have been closed just as it was used (RFC 9112 §9.3.1).
 */
export async function queryWithRetry(
  upstream: Upstream,
  request: UpstreamRequest,
  timeoutMs: number,
): Promise<CompleteResponse | Failure> {
  const answer = await queryUpstream(upstream, request, timeoutMs)
  const isRepeatable = (request.method === 'GET' || request.method === 'HEAD') && request.body === null
  return answer === 'closed' && isRepeatable ? queryUpstream(upstream, request, timeoutMs) : answer
}
