import type { Endpoint } from '../../../routing/index.ts'
import { headerOf } from '../../headers/response-headers.ts'
import { type FailedResponse, isServerFailure } from '../../responses/failure.ts'
import type { RawHeaders } from '../../upstream/attempt.ts'

/**
 * Endpoints with a 200 response that is meant for programs (RFC 6749 §5.1, RFC 7009 §2.2, RFC 7662 §2.2, RFC 8628
 * §3.2).
 */
const FOR_PROGRAMS: ReadonlySet<Endpoint> = new Set([
  'token',
  'introspect',
  'revoke',
  'authorize_device',
  'userinfo',
  'token_info',
])

/** Returns how a response head shows that its side failed; undefined if it does not. */
export function failedResponse(endpoint: Endpoint, status: number, raw: RawHeaders): FailedResponse | undefined {
  if (isServerFailure(status)) return 'server_error'
  if (status !== 200 || !FOR_PROGRAMS.has(endpoint)) return undefined
  return /^text\/html\b/i.test(headerOf(raw, 'content-type') ?? '') ? 'unexpected_content_type' : undefined
}
