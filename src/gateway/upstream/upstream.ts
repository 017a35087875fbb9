import { isIP, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { buildConnector, Pool } from 'undici'
import type { Destination } from '../../routing/index.ts'
import { ConnectionLimit, type ConnectionLimits } from './connection-limit.ts'
import { keepReadable } from './early-response.ts'
import { filterGoAheads } from './go-ahead-filter.ts'

/** A side behind the gateway and the connections to it. */
export interface Upstream {
  readonly destination: Destination
  readonly origin: string
  /** TLS server name: the upstream's own, whatever `Host` the client sent. */
  readonly servername: string
  /** The forms in which its own address may appear in a `Location`, in lower case. */
  readonly hosts: readonly string[]
  readonly secure: boolean
  readonly hostname: string
  readonly port: number
  readonly pool: Pool
  /** Connections for client requests. The gateway's own requests (keys, probes) do not count. */
  readonly connections: ConnectionLimit
  readonly limits: UpstreamLimits
  /** An error is just breaking a connection of the pool: a response that ends now is incomplete. */
  readonly isBreaking: boolean
}

/** Time limits of one upstream, in milliseconds. */
export interface UpstreamLimits {
  readonly connectMs: number
  readonly headersMs: number
  readonly bodyIdleMs: number
}

const MAX_RESPONSE_HEADERS = 64 << 10
/** Reserved for the gateway's own requests while all other connections are in use. */
const OWN_CONNECTIONS = 4

/** Opens a side; connects on the first request. Ignores a path in `url`. */
export function openUpstream(
  destination: Destination,
  url: string,
  limits: UpstreamLimits,
  connections: ConnectionLimits,
): Upstream {
  const { protocol, hostname: bracketed, port: explicitPort, origin, host } = new URL(url)
  const secure = protocol === 'https:'
  const hostname = bracketed.replace(/^\[|\]$/g, '')
  const port = explicitPort === '' ? (secure ? 443 : 80) : Number(explicitPort)
  const connect = buildConnector({ timeout: limits.connectMs, allowH2: false })
  const isAddress = isIP(hostname) !== 0
  let isBreaking = false
  // Must run before undici's own listener: undici treats a response without a length as complete when its connection is
  // reset.
  const watch = (socket: Socket | TLSSocket) =>
    socket.prependListener('error', () => {
      isBreaking = true
      process.nextTick(() => {
        isBreaking = false
      })
    })
  const pool = new Pool(origin, {
    // An IP address is not a TLS server name (RFC 6066 §3).
    connect: (options, callback) =>
      connect(isAddress ? { ...options, servername: '' } : options, (...outcome) => {
        if (outcome[1]) {
          watch(outcome[1])
          filterGoAheads(outcome[1])
          keepReadable(outcome[1])
        }
        callback(...outcome)
      }),
    allowH2: false,
    pipelining: 1,
    connections: connections.max + OWN_CONNECTIONS,
    headersTimeout: limits.headersMs,
    bodyTimeout: limits.bodyIdleMs,
    maxHeaderSize: MAX_RESPONSE_HEADERS,
  })
  const hosts = explicitPort === '' ? [host, `${host}:${port}`] : [host]
  return {
    ...{ destination, origin, servername: hostname, hosts, secure, hostname, port, pool, limits },
    connections: new ConnectionLimit(connections),
    get isBreaking() {
      return isBreaking
    },
  }
}

/** The limits for the sides of a gateway; see `GatewayLimits`. */
interface SideLimits {
  readonly connectMs: number
  readonly bodyIdleMs: number
  readonly legacyHeadersMs: number
  readonly iamHeadersMs: number
  readonly maxConnections: number
  readonly queueLength: number
  readonly queueMs: number
}

/** Where a side has both kinds of traffic, each kind has one eighth of the connections to itself. */
const RESERVED_SHARE = 8

/** Opens the sides of a gateway: legacy, and IAM if it has an address. */
export function openSides(
  { legacyUrl, iamUrl }: { readonly legacyUrl: string; readonly iamUrl?: string | undefined },
  limits: SideLimits,
): { readonly legacy: Upstream; readonly iam: Upstream | undefined } {
  const { connectMs, bodyIdleMs, legacyHeadersMs, iamHeadersMs, maxConnections: max, queueLength, queueMs } = limits
  const connections = { max, reserved: 0, queueLength, queueMs }
  const shared = { ...connections, reserved: Math.ceil(max / RESERVED_SHARE) }
  const forLegacy = { connectMs, bodyIdleMs, headersMs: legacyHeadersMs }
  const forIam = { connectMs, bodyIdleMs, headersMs: iamHeadersMs }
  return {
    legacy: openUpstream('legacy', legacyUrl, forLegacy, iamUrl === undefined ? connections : shared),
    iam: iamUrl === undefined ? undefined : openUpstream('iam', iamUrl, forIam, connections),
  }
}
