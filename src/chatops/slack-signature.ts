import { createHmac, timingSafeEqual } from 'node:crypto'

/** Maximum clock difference of a request, in seconds ("Verifying requests from Slack"). */
export const SIGNATURE_WINDOW_S = 300

/** Why a signature is invalid; for the log, never for the caller. */
export type SignatureFault = 'missing' | 'malformed' | 'stale' | 'wrong'

/** The headers of a signed request. */
export interface SignedHeaders {
  /** `X-Slack-Request-Timestamp`. */
  readonly timestamp: string | undefined
  /** `X-Slack-Signature`. */
  readonly signature: string | undefined
}

/**
 * Checks Slack's v0 signature: HMAC-SHA-256 of `v0:<timestamp>:<raw body>`, in constant time, of a request that is at
 * most five minutes old. Undefined if it is valid. The caller must detect replays.
 *
 * @param now seconds since 1970
 */
export function slackSignatureFault(
  secret: string,
  { timestamp, signature }: SignedHeaders,
  body: Uint8Array,
  now: number,
): SignatureFault | undefined {
  if (timestamp === undefined || signature === undefined) return 'missing'
  if (!/^[1-9]\d{8,11}$/.test(timestamp) || !/^v0=[0-9a-f]{64}$/.test(signature)) return 'malformed'
  const expected = createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest()
  const isRight = timingSafeEqual(expected, Buffer.from(signature.slice(3), 'hex'))
  if (!isRight) return 'wrong'
  return Math.abs(now - Number(timestamp)) > SIGNATURE_WINDOW_S ? 'stale' : undefined
}
