import type { IncomingHttpHeaders, Server } from 'node:http'
import type { Socket } from 'node:net'
import {
  type CanonicalRequest,
  type ClientConnection,
  FastPathListener,
  type FastPathServer,
  type TakenRequest,
} from '../../http/index.ts'
import { Exchange } from '../exchange/exchange.ts'
import type { GatewayContext } from '../gateway-context.ts'
import { UNDECIDED } from '../routing/routes.ts'
import { type Admitted, admit } from '../transport/admission.ts'
import type { Peer } from '../transport/peers.ts'
import type { Pools } from './fast-path-attempt.ts'
import { FastPathReply } from './fast-path-reply.ts'
import { FastPathTransport } from './fast-path-transport.ts'
import { UpstreamPool } from './upstream-pool.ts'

/** What the fast path shares with the listener behind it. */
export interface FastPathOptions extends FastPathServer {
  identify(request: { readonly headers: IncomingHttpHeaders }, peer: Peer): string
  peerOf(socket: Socket, request: { readonly headers: IncomingHttpHeaders }): Peer
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

/** Answers plain requests to OAuth endpoints from the sides, on connections of its own in both directions. */
export class FastPath extends FastPathListener<Admitted> {
  readonly #context: GatewayContext
  readonly #pools: Pools
  readonly #options: FastPathOptions
  readonly #keepAlive: string

  constructor(context: GatewayContext, pools: Pools, options: FastPathOptions) {
    super(options, tickMs(context))
    this.#context = context
    this.#pools = pools
    this.#options = options
    this.#keepAlive = `timeout=${Math.floor(options.limits.keepAliveMs / 1_000)}`
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

  begin(connection: ClientConnection<Admitted>, request: CanonicalRequest, admitted: Admitted): TakenRequest {
    const { peerOf, identify } = this.#options
    const mayKeep = () => request.keepsAlive && !connection.isOverrun && !this.isClosing
    const reply = new FastPathReply(connection, mayKeep, this.#keepAlive)
    const transport = new FastPathTransport(request, reply, this.#pools)
    const peer = peerOf(connection.socket, transport)
    const arrival = { admitted, peer, correlationId: identify(transport, peer) }
    return new TakenExchange(new Exchange(this.#context, transport, arrival), reply)
  }

  /** Stops the clock and closes the connections to the upstreams. */
  override close(): void {
    super.close()
    this.#pools.legacy.close()
    this.#pools.iam.close()
  }

  protected override tick(now: number): void {
    super.tick(now)
    this.#pools.legacy.tick(now)
    this.#pools.iam.tick(now)
  }
}

/** An exchange on a connection of the fast path. */
class TakenExchange implements TakenRequest {
  readonly #exchange: Exchange
  readonly #reply: FastPathReply

  constructor(exchange: Exchange, reply: FastPathReply) {
    this.#exchange = exchange
    this.#reply = reply
  }

  start(): void {
    try {
      this.#exchange.start()
    } catch (error) {
      this.#exchange.fail(error)
    }
  }

  drained(): void {
    this.#reply.drained()
  }

  close(isFinished: boolean): void {
    this.#exchange.close(isFinished)
  }
}

/** Often enough that no limit is exceeded by more than a quarter. */
function tickMs({ limits }: GatewayContext): number {
  const { connectMs, iamHeadersMs, legacyHeadersMs, bodyIdleMs, requestHeadMs } = limits
  const shortest = Math.min(connectMs, iamHeadersMs, legacyHeadersMs, bodyIdleMs, requestHeadMs)
  return Math.max(SHORTEST_TICK_MS, Math.min(LONGEST_TICK_MS, shortest / 4))
}
