import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  drainServer,
  isLoopback,
  NodeConnections,
  plainAddress,
  ReadAheadBudget,
  refuseMalformed,
  refuseWith,
  type TrustedProxies,
} from '../../http/index.ts'
import { givenCorrelationId } from '../../observability/index.ts'
import { MAX_BODY_BYTES } from '../../routing/index.ts'
import { Exchange } from '../exchange/exchange.ts'
import { openFastPath } from '../fast-path/fast-path.ts'
import type { GatewayContext } from '../gateway-context.ts'
import { isSuffixed, withCors } from '../responses/cors.ts'
import { type Admitted, admit, isWebSocketHandshake, type Refusal } from '../transport/admission.ts'
import { PEER_HEADER, type Peer, peerFromFront } from '../transport/peers.ts'
import { watchPace } from '../transport/upload-pace.ts'
import { NodeTransport } from './node-transport.ts'
import { TEST_CONTROL_PREFIX } from './test-controls.ts'
import { tunnel } from './tunnel.ts'

/** Longer than the timeout of load balancers, so that they close first. */
const KEEP_ALIVE_MS = 75_000
/** How long the fast path waits for the rest of a body. */
const BODY_WAIT_MS = 250
/** How long a connection without a request is kept when the gateway stops. */
const IDLE_MS = 1_000

const EXCHANGE = Symbol('exchange')
const PACE = Symbol('pace')
const PEER = Symbol('peer')
interface Carrier {
  [EXCHANGE]?: Exchange
  [PACE]?: () => void
  [PEER]?: Peer
}

/** The gateway's HTTP server. */
export interface FrontDoor {
  readonly server: Server
  /**
   * Stops accepting, serves requests in flight and those still arriving for at most `graceMs`, then cuts the rest.
   * `onQueueLeft` as in `DrainOptions`.
   */
  drain(graceMs: number, onQueueLeft?: () => void): Promise<void>
  /** Releases resources other than client connections. */
  close(): void
}

/**
 * Builds the server that handles requests for `context`; it does not listen yet. Uses node's parser in its strict mode.
 */
export function buildFrontDoor(context: GatewayContext, peers: PeerSettings, hasFastPath: boolean): FrontDoor {
  const server = strictServer(context)
  const tunnels = new Set<Duplex>()
  const ids = correlationIds()
  const pace = { minRate: context.limits.minUploadRate, graceMs: context.limits.bodyIdleMs }
  const onClose = function (this: ServerResponse) {
    ;(this as Carrier)[PACE]?.()
    ;(this as Carrier)[EXCHANGE]?.close(this.writableFinished)
  }
  const identify = (request: Pick<IncomingMessage, 'headers'>, peer: Peer) => {
    return (peer.isTrusted ? givenCorrelationId(request.headers['x-request-id']) : undefined) ?? ids()
  }
  const take = (message: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => {
    const admitted = admit(message as Parameters<typeof admit>[0])
    if ('why' in admitted) return refuse(context, message, response, admitted)
    const peer = peerOf(message.socket, message, peers)
    const arrival = { admitted, peer, correlationId: identify(message, peer) }
    const exchange = new Exchange(context, new NodeTransport(message, response), arrival)
    ;(response as Carrier)[EXCHANGE] = exchange
    if (admitted.hasBody) (response as Carrier)[PACE] = watchPace(message, pace, () => exchange.tooSlow())
    response.on('close', onClose)
    if (expectsContinue && !isHopeless(message)) response.writeContinue()
    try {
      begin(exchange, context, message, admitted, peer)
    } catch (error) {
      exchange.fail(error)
    }
  }
  server.on('request', (message, response) => take(message, response, false))
  server.on('checkContinue', (message, response) => take(message, response, true))
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    const admitted = admit(message as Parameters<typeof admit>[0])
    if ('why' in admitted) return refuseWith(socket, admitted.status)
    const peer = peerOf(message.socket, message, peers)
    tunnels.add(socket)
    socket.once('close', () => tunnels.delete(socket))
    try {
      tunnel(context, { message, socket, head, admitted, peer, correlationId: identify(message, peer) })
    } catch (error) {
      context.log.error({ err: error }, 'request failed')
      socket.destroy()
    }
  })
  const budget = new ReadAheadBudget()
  const ordinary = new NodeConnections(server, budget)
  const fastPath = hasFastPath
    ? openFastPath(server, context, {
        ...{ ordinary, budget, identify },
        peerOf: (socket, request) => peerOf(socket, request, peers),
        limits: {
          ...{ headMs: context.limits.requestHeadMs, bodyWaitMs: BODY_WAIT_MS, keepAliveMs: KEEP_ALIVE_MS },
          ...{ answerMs: server.timeout, stalledMs: server.timeout },
        },
      })
    : undefined
  if (fastPath === undefined) server.on('connection', (socket: Socket) => ordinary.take(socket))
  return {
    server,
    async drain(graceMs, onQueueLeft) {
      // A tunnel has no end to wait for; its client opens the next one elsewhere.
      for (const socket of tunnels) socket.destroy()
      const idleMs = Math.min(IDLE_MS, graceMs / 4)
      await drainServer(server, fastPath === undefined ? [ordinary] : [fastPath, ordinary], {
        graceMs,
        idleMs,
        onQueueLeft,
      })
    },
    close: () => fastPath?.close(),
  }
}

function strictServer({ limits }: GatewayContext): Server {
  const server = createServer({
    maxHeaderSize: limits.requestHeadBytes,
    headersTimeout: limits.requestHeadMs,
    // A body may take any time as long as it makes progress: see `timeout`.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    insecureHTTPParser: false,
    shouldUpgradeCallback: (message) =>
      isWebSocketHandshake(message.method ?? '', message.headers.upgrade, message.rawHeaders),
  })
  // Node would silently drop headers over its limit; the gateway counts them and refuses the request.
  server.maxHeadersCount = 0
  server.timeout = Math.max(limits.bodyIdleMs, limits.legacyHeadersMs, limits.iamHeadersMs) + 5_000
  server.on('connect', (_message, socket: Duplex) => refuseWith(socket, 405))
  server.on('clientError', refuseMalformed)
  return server
}

function begin(
  exchange: Exchange,
  context: GatewayContext,
  message: IncomingMessage,
  admitted: Admitted,
  peer: Peer,
): void {
  const { testControls } = context
  if (testControls !== undefined && message.method === 'POST' && admitted.target.startsWith(TEST_CONTROL_PREFIX)) {
    if (isLoopback(peer.address)) {
      message.resume()
      return void exchange.startTestControl(testControls)
    }
  }
  exchange.start()
}

/** The gateway does not request a body that it will refuse anyway. */
function isHopeless(message: IncomingMessage): boolean {
  return message.url?.includes('/oauth/') === true && Number(message.headers['content-length']) > MAX_BODY_BYTES
}

/** What decides who the other end of a request is. */
export interface PeerSettings {
  readonly trustedProxies: TrustedProxies
  /** The secret of the data plane in front, which passes on the peer of each request. */
  readonly frontSecret: string | undefined
}

function peerOf(socket: Socket, request: Pick<IncomingMessage, 'headers'>, peers: PeerSettings): Peer {
  const { trustedProxies, frontSecret } = peers
  if (frontSecret !== undefined) {
    const peer = peerFromFront(request.headers[PEER_HEADER], frontSecret, trustedProxies)
    if (peer !== undefined) return peer
  }
  const known = (socket as Carrier)[PEER]
  if (known !== undefined) return known
  const address = plainAddress(socket.remoteAddress)
  const peer: Peer = { address, isTrusted: trustedProxies.has(address), isSecure: 'encrypted' in socket }
  ;(socket as Carrier)[PEER] = peer
  return peer
}

/** Generates ids that are unique across processes and use no entropy per request. */
function correlationIds(): () => string {
  const prefix = randomBytes(9).toString('base64url').replaceAll(/[-_]/g, 'x')
  let count = 0
  return () => `${prefix}${(++count).toString(36).padStart(7, '0')}`
}

/** Refuses a request with an ambiguous end, and closes its connection. */
function refuse(
  { routes }: GatewayContext,
  message: IncomingMessage,
  response: ServerResponse,
  { status, why }: Refusal,
): void {
  const { method = '', url = '', headers } = message
  const plain = {
    status,
    headers: [['Content-Type', 'text/plain']] as const,
    body: `${status} ${STATUS_CODES[status]}: ${why}\n`,
  }
  const match = routes.match(url.split('?', 1)[0] ?? '')
  const answer =
    typeof match === 'object'
      ? withCors({ endpoint: match.endpoint, isSuffixed: isSuffixed(match), method, headers }, plain)
      : plain
  response.shouldKeepAlive = false
  const raw = [...answer.headers.flat(), 'Content-Length', String(Buffer.byteLength(answer.body))]
  response.writeHead(answer.status, raw).end(answer.body)
}
