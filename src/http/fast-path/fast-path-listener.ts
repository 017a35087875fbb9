import type { Socket } from 'node:net'
import {
  type ClientConnections,
  closeIdleOf,
  type IdleLimits,
  type NodeConnections,
} from '../connections/node-connections.ts'
import type { ReadAheadBudget } from '../connections/read-ahead.ts'
import type { CanonicalRequest } from './canonical-request.ts'
import {
  ClientConnection,
  type ConnectionLimits,
  type ConnectionOwner,
  type TakenRequest,
} from './client-connection.ts'

/** What a fast path shares with the server behind it. */
export interface FastPathServer {
  /** Takes the connections that do not belong on the fast path. */
  readonly ordinary: NodeConnections
  readonly budget: ReadAheadBudget
  readonly limits: ConnectionLimits
}

/** The client connections on a fast path, and the one clock for all their time limits. */
export abstract class FastPathListener<Admitted> implements ConnectionOwner<Admitted>, ClientConnections {
  readonly limits: ConnectionLimits
  readonly budget: ReadAheadBudget
  readonly #ordinary: NodeConnections
  readonly #connections = new Set<ClientConnection<Admitted>>()
  readonly #clock: NodeJS.Timeout
  #closingSince: number | undefined

  /** @param tickMs how often the time limits are checked, in milliseconds */
  constructor({ ordinary, budget, limits }: FastPathServer, tickMs: number) {
    this.limits = limits
    this.budget = budget
    this.#ordinary = ordinary
    this.#clock = setInterval(() => this.tick(performance.now()), tickMs).unref()
  }

  abstract admit(request: CanonicalRequest): Admitted | undefined
  abstract begin(connection: ClientConnection<Admitted>, request: CanonicalRequest, admitted: Admitted): TakenRequest

  /** Reads a new connection. */
  take(socket: Socket): void {
    this.#connections.add(new ClientConnection(socket, this))
  }

  onLeave(connection: ClientConnection<Admitted>): void {
    this.#connections.delete(connection)
  }

  handOver(socket: Socket, bytes: Buffer, isEnded: boolean): void {
    this.#ordinary.take(socket, bytes, isEnded)
  }

  /** Whether connections close after their current response. */
  get isClosing(): boolean {
    return this.#closingSince !== undefined
  }

  startClosing(): void {
    this.#closingSince = performance.now()
  }

  closeIdle(limits: IdleLimits): void {
    closeIdleOf(this.#connections, this.#closingSince, limits)
  }

  closeAll(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  /** Stops the clock. */
  close(): void {
    clearInterval(this.#clock)
  }

  protected tick(now: number): void {
    for (const connection of this.#connections) connection.tick(now)
  }
}
