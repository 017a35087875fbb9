import { type CredentialMarks, type Facts, MAX_BODY_BYTES, readFacts } from '../../routing/index.ts'
import type { Transport } from '../transport/transport.ts'
import type { ExchangeState } from './exchange-state.ts'

/** Why the body of a request is not complete. */
export type BodyFault = 'too_large' | 'too_slow' | 'aborted'

/**
 * Step 2a: reads the body of a request to an OAuth endpoint, at most 1 MiB. Returns at once if the body has already
 * arrived; otherwise it waits at most `limitMs`.
 */
export function readBody(
  transport: Pick<Transport, 'readBody'>,
  limitMs: number,
): Buffer | Promise<Buffer | BodyFault> {
  const body = transport.readBody(MAX_BODY_BYTES)
  return body instanceof Promise ? withinLimit(body, limitMs) : body
}

async function withinLimit(body: Promise<Buffer | BodyFault>, limitMs: number): Promise<Buffer | BodyFault> {
  const { promise: tooSlow, resolve } = Promise.withResolvers<BodyFault>()
  const timer = setTimeout(resolve, limitMs, 'too_slow')
  try {
    return await Promise.race([body, tooSlow])
  } finally {
    clearTimeout(timer)
  }
}

/** Step 2b: reads the facts of an admitted request. Its body, if it has one, must be complete. */
export function readRequest(
  marks: CredentialMarks,
  request: Pick<ExchangeState, 'endpoint' | 'method' | 'query' | 'admitted' | 'body'>,
): Facts {
  const { endpoint, method, query, body } = request
  const { contentType, authorization, otherAuthorization, hasRepeatedHeader } = request.admitted
  const cookie = endpoint === 'authorize' ? request.admitted.cookie : undefined
  const headers = { contentType, authorization, otherAuthorization, hasRepeatedHeader, cookie }
  return readFacts({ endpoint, method, query, ...headers, body }, marks, Date.now() / 1_000)
}
