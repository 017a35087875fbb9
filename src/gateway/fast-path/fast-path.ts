import type { IncomingHttpHeaders, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { CanonicalRequest, ClientConnections, NodeConnections, ReadAheadBudget } from '../../http/index.ts'
import { Exchange } from '../exchange/exchange.ts'
import type { GatewayContext } from '../gateway-context.ts'
import { UNDECIDED } from '../routing/routes.ts'
import { type Admitted, admit } from '../transport/admission.ts'
import type { Peer } from '../transport/peers.ts'
import { ClientConnection, type ConnectionLimits, type ConnectionOwner, type Taken } from './client-connection.ts'
import type { Pools } from './fast-path-attempt.ts'
import { FastPathReply } from './fast-path-reply.ts'
import { FastPathTransport } from './fast-path-transport.ts'
import { UpstreamPool } from './upstream-pool.ts'

/** What the fast path shares with the listener behind it. */
export interface FastPathOptions {
  /** Takes the connections that do not belong on the fast path. */
  readonly ordinary: NodeConnections
  readonly budget: ReadAheadBudget
  readonly limits: ConnectionLimits
  identify(request: { readonly headers: IncomingHttpHeaders }, peer: Peer): string
  peerOf(socket: Socket): Peer
  refuse(socket: Socket, status: 400 | 408): void
}

const LONGEST_TICK_MS = 250
const SHORTEST_TICK_MS = 20

/**
 * Puts the fast path in front of `server`: it reads connections first, and hands one to `node:http` for good, from the
 * first byte of the request, as soon as it carries a request that is not plain or not for an OAuth endpoint. Returns
 * undefined for a gateway without IAM.
 */
export function openFastPath(server: Server, context: GatewayContext, options: FastPathOptions): FastPath | undefined {
  if (context.iam === undefined) return undefined
  const pools = {
    legacy: new UpstreamPool(context.legacy),
    iam: new UpstreamPool(context.iam),
  }
  const fastPath = new FastPath(context, pools, options)
  server.on('connection', (socket: Socket) => fastPath.take(socket))
  return fastPath
}

/** The connections on the fast path, and the one clock for all their time limits. */
export class FastPath implements ConnectionOwner, ClientConnections {
  readonly #context: GatewayContext
  readonly #pools: Pools
  readonly #options: FastPathOptions
  readonly #connections = new Set<ClientConnection>()
  readonly #clock: NodeJS.Timeout
  readonly #keepAlive: string
  readonly limits: ConnectionLimits
  #closingSince: number | undefined

  constructor(context: GatewayContext, pools: Pools, options: FastPathOptions) {
    this.#context = context
    this.#pools = pools
    this.#options = options
    this.limits = options.limits
    this.#keepAlive = `timeout=${Math.floor(options.limits.keepAliveMs / 1_000)}`
    this.#clock = setInterval(() => this.#tick(), tickMs(context)).unref()
  }

  get budget(): ReadAheadBudget {
    return this.#options.budget
  }

  take(socket: Socket): void {
    this.#connections.add(new ClientConnection(socket, this))
  }

  admit(request: CanonicalRequest): Admitted | undefined {
    const { url } = request
    const mark = url.indexOf('?')
    const path = mark < 0 ? url : url.slice(0, mark)
    const match = this.#context.routes.match(path)
    if (match === undefined || match === 'iam_page' || match.path !== path || UNDECIDED.has(match.endpoint))
      return undefined
    const admitted = admit(request)
    return 'why' in admitted ? undefined : admitted
  }

  begin(connection: ClientConnection, request: CanonicalRequest, admitted: Admitted): Taken {
    const { peerOf, identify } = this.#options
    const peer = peerOf(connection.socket)
    const mayKeep = () => request.keepsAlive && this.#closingSince === undefined
    const reply = new FastPathReply(connection, mayKeep, this.#keepAlive)
    const transport = new FastPathTransport(request, reply, this.#pools)
    const arrival = { admitted, peer, correlationId: identify(transport, peer) }
    return { exchange: new Exchange(this.#context, transport, arrival), reply }
  }

  onLeave(connection: ClientConnection): void {
    this.#connections.delete(connection)
  }

  handOver(socket: Socket, bytes: Buffer, isEnded: boolean): void {
    this.#options.ordinary.take(socket, bytes, isEnded)
  }

  refuse(socket: Socket, status: 400 | 408): void {
    this.#options.refuse(socket, status)
  }

  startClosing(): void {
    this.#closingSince = performance.now()
  }

  closeIdle(idleMs: number): void {
    const before = performance.now() - idleMs
    if (this.#closingSince === undefined || this.#closingSince > before) return
    for (const connection of this.#connections) if (connection.isIdleSince(before)) connection.close()
  }

  closeAll(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  /** Stops the clock and closes the connections to the upstreams. */
  close(): void {
    clearInterval(this.#clock)
    this.#pools.legacy.close()
    this.#pools.iam.close()
  }

  #tick(): void {
    const now = performance.now()
    for (const connection of this.#connections) connection.tick(now)
    this.#pools.legacy.tick(now)
    this.#pools.iam.tick(now)
  }
}

/** Often enough that no limit is exceeded by more than a quarter. */
function tickMs({ limits }: GatewayContext): number {
  const { connectMs, iamHeadersMs, legacyHeadersMs, bodyIdleMs, requestHeadMs } = limits
  const shortest = Math.min(connectMs, iamHeadersMs, legacyHeadersMs, bodyIdleMs, requestHeadMs)
  return Math.max(SHORTEST_TICK_MS, Math.min(LONGEST_TICK_MS, shortest / 4))
}
