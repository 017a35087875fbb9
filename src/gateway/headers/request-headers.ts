import type { Peer } from '../transport/peers.ts'
import { type CookieOwner, cookiesFor } from './cookies.ts'
import { namedInConnection, requestRule } from './header-rules.ts'

/** What the rewriting of request headers depends on. */
export interface ForwardingInfo {
  readonly peer: Peer
  /** The `Host` as received; empty for HTTP/1.0 without one. */
  readonly host: string
  readonly connection: string | undefined
  readonly correlationId: string
}

/**
 * Returns the headers for an upstream, names and values alternating as in `node:http` and undici. Hop-by-hop and
 * internal headers are removed, only cookies of that side remain, and the forwarding headers are the gateway's own,
 * which extend those of a trusted proxy. `Host` is kept.
 *
 * @param cookies the owner of the cookies to forward; `undefined` forwards all, for a gateway without IAM
 */
export function requestHeaders(
  raw: readonly string[],
  cookies: CookieOwner | undefined,
  forwarding: ForwardingInfo,
): string[] {
  const { isTrusted } = forwarding.peer
  const named = namedInConnection(forwarding.connection)
  const headers: string[] = []
  let chain = ''
  let host = ''
  let proto = ''
  let forwarded: string | undefined
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string
    const value = raw[at + 1] as string
    if (named?.has(name.toLowerCase())) continue
    switch (requestRule(name)) {
      case 'pass':
      case 'host':
        headers.push(name, value)
        break
      case 'cookie': {
        const own = cookies === undefined ? value : cookiesFor(cookies, value)
        if (own !== '') headers.push(name, own)
        break
      }
      case 'origin':
        if (isTrusted) headers.push(name, value)
        break
      case 'for':
        if (isTrusted) chain = chain === '' ? value : `${chain}, ${value}`
        break
      case 'forwarded_host':
        if (isTrusted) host = value
        break
      case 'proto':
        if (isTrusted) proto = value
        break
      case 'forwarded':
        forwarded = isTrusted && value !== '' ? (forwarded ? `${forwarded}, ${value}` : value) : (forwarded ?? '')
        break
      default:
        break
    }
  }
  const { address, isSecure } = forwarding.peer
  const ownProto = isSecure ? 'https' : 'http'
  headers.push('X-Forwarded-For', chain === '' ? address : `${chain}, ${address}`)
  if (host !== '' || forwarding.host !== '') headers.push('X-Forwarded-Host', host || forwarding.host)
  headers.push('X-Forwarded-Proto', proto || ownProto, 'X-Request-Id', forwarding.correlationId)
  if (forwarded !== undefined) headers.push('Forwarded', forwardedValue(forwarded, forwarding, ownProto))
  return headers
}

/**
 * Replaces `Accept-Encoding`, so that the response is not compressed (RFC 9110 §12.5.3). Names and values alternate.
 */
export function uncompressed(raw: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string
    if (name.toLowerCase() !== 'accept-encoding') kept.push(name, raw[at + 1] as string)
  }
  return [...kept, 'Accept-Encoding', 'identity']
}

/** Appends one element of RFC 7239 to the trusted ones before it. */
function forwardedValue(before: string, forwarding: ForwardingInfo, proto: string): string {
  const { address } = forwarding.peer
  const node = address.includes(':') ? `"[${address}]"` : address
  const own = `for=${node};host="${forwarding.host}";proto=${proto}`
  return before === '' ? own : `${before}, ${own}`
}

/**
 * The origin under which the client reached the gateway, according to trusted proxies: `scheme://host[:port]`. Empty
 * for an HTTP/1.0 client without a host: addresses then remain relative to the one that was requested.
 */
export function publicOrigin(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  forwarding: ForwardingInfo,
): string {
  const said = (name: string) => {
    const value = forwarding.peer.isTrusted ? headers[name] : undefined
    return typeof value === 'string' ? value.split(',', 1)[0]?.trim() || undefined : undefined
  }
  const proto = said('x-forwarded-proto') ?? (forwarding.peer.isSecure ? 'https' : 'http')
  const host = said('x-forwarded-host') ?? forwarding.host
  return host === '' ? '' : `${proto === 'https' ? 'https' : 'http'}://${host}`
}
