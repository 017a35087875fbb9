import type { IncomingHttpHeaders, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { CanonicalRequest, ClientConnections, NodeConnections, ReadAheadBudget } from '../../http/index.ts'
import { Exchange } from '../exchange/exchange.ts'
import type { Gate } from '../gateway-context.ts'
import { UNDECIDED } from '../routing/routes.ts'
import { type Admitted, admit } from '../transport/admission.ts'
import type { Peer } from '../transport/peers.ts'
import { ClientConnection, type ConnectionLimits, type LaneKeeper, type Taken } from './client-connection.ts'
import type { Pools } from './lane-attempt.ts'
import { LaneReply } from './lane-reply.ts'
import { RawLane } from './raw-lane.ts'
import { UpstreamPool } from './upstream-pool.ts'

/** What the fast lane shares with the ordinary one. */
export interface LaneSurroundings {
  /** Takes the connections that do not belong in the fast lane. */
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
 * Puts the fast lane in front of `server`: it reads connections first, and hands one to `node:http` for good, from the
 * first byte of the request, as soon as it carries a request that is not plain or not for an OAuth endpoint. Returns
 * undefined for a gateway without IAM.
 */
export function openFastLane(server: Server, gate: Gate, surroundings: LaneSurroundings): FastLane | undefined {
  if (gate.iam === undefined) return undefined
  const pools = {
    legacy: new UpstreamPool(gate.legacy),
    iam: new UpstreamPool(gate.iam),
  }
  const lane = new FastLane(gate, pools, surroundings)
  server.on('connection', (socket: Socket) => lane.take(socket))
  return lane
}

/** The connections in the fast lane, and the one clock for all their time limits. */
export class FastLane implements LaneKeeper, ClientConnections {
  readonly #gate: Gate
  readonly #pools: Pools
  readonly #surroundings: LaneSurroundings
  readonly #connections = new Set<ClientConnection>()
  readonly #clock: NodeJS.Timeout
  readonly #keepAlive: string
  readonly limits: ConnectionLimits
  #closingSince: number | undefined

  constructor(gate: Gate, pools: Pools, surroundings: LaneSurroundings) {
    this.#gate = gate
    this.#pools = pools
    this.#surroundings = surroundings
    this.limits = surroundings.limits
    this.#keepAlive = `timeout=${Math.floor(surroundings.limits.keepAliveMs / 1_000)}`
    this.#clock = setInterval(() => this.#tick(), tickMs(gate)).unref()
  }

  get budget(): ReadAheadBudget {
    return this.#surroundings.budget
  }

  take(socket: Socket): void {
    this.#connections.add(new ClientConnection(socket, this))
  }

  admit(request: CanonicalRequest): Admitted | undefined {
    const { url } = request
    const mark = url.indexOf('?')
    const path = mark < 0 ? url : url.slice(0, mark)
    const match = this.#gate.routes.match(path)
    if (match === undefined || match === 'iam_page' || match.path !== path || UNDECIDED.has(match.endpoint))
      return undefined
    const admitted = admit(request)
    return 'why' in admitted ? undefined : admitted
  }

  begin(connection: ClientConnection, request: CanonicalRequest, admitted: Admitted): Taken {
    const { peerOf, identify } = this.#surroundings
    const peer = peerOf(connection.socket)
    const mayKeep = () => request.keepsAlive && this.#closingSince === undefined
    const reply = new LaneReply(connection, mayKeep, this.#keepAlive)
    const lane = new RawLane(request, reply, this.#pools)
    return { exchange: new Exchange(this.#gate, lane, admitted, peer, identify(lane, peer)), reply }
  }

  onLeave(connection: ClientConnection): void {
    this.#connections.delete(connection)
  }

  handOver(socket: Socket, bytes: Buffer, isEnded: boolean): void {
    this.#surroundings.ordinary.take(socket, bytes, isEnded)
  }

  refuse(socket: Socket, status: 400 | 408): void {
    this.#surroundings.refuse(socket, status)
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
function tickMs({ limits }: Gate): number {
  const { connectMs, iamHeadersMs, legacyHeadersMs, bodyIdleMs, requestHeadMs } = limits
  const shortest = Math.min(connectMs, iamHeadersMs, legacyHeadersMs, bodyIdleMs, requestHeadMs)
  return Math.max(SHORTEST_TICK_MS, Math.min(LONGEST_TICK_MS, shortest / 4))
}
