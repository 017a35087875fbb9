import { timingSafeEqual } from 'node:crypto'
import type { TrustedProxies } from '../../http/index.ts'

/** The other end of a connection. */
export interface Peer {
  readonly address: string
  /** Whether its `X-Forwarded-*`, `Forwarded` and `X-Request-Id` headers are trusted. */
  readonly isTrusted: boolean
  readonly isSecure: boolean
}

/**
 * The request header in which the proxy of a data plane in front of the gateway passes on the peer of each request; the
 * gateway never forwards it. Its value: the secret of that data plane, the peer's address, and `http` or `https`.
 */
export const PEER_HEADER = 'x-handover-peer'

const SHAPE = /^(\S{1,128}) ([0-9A-Fa-f:.]{2,45}) (https?)$/

/**
 * Reads the peer that a data plane passes on; undefined without the header, and for a value that does not hold `secret`.
 */
export function peerFromFront(
  header: string | string[] | undefined,
  secret: string,
  trustedProxies: TrustedProxies,
): Peer | undefined {
  const match = typeof header === 'string' ? SHAPE.exec(header) : null
  if (match === null) return undefined
  const [, given = '', address = '', scheme] = match
  if (given.length !== secret.length || !timingSafeEqual(Buffer.from(given), Buffer.from(secret))) return undefined
  return { address, isTrusted: trustedProxies.has(address), isSecure: scheme === 'https' }
}
