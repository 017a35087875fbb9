import type { Upstream, UpstreamLimits } from '../upstream/upstream.ts'
import { type ConnectionHome, type ResponseOwner, UpstreamConnection } from './upstream-connection.ts'

/**
 * The fast path's connections to one upstream: kept alive, reused most recent first, one for each concurrent request.
 */
export class UpstreamPool implements ConnectionHome {
  readonly hostname: string
  readonly port: number
  readonly limits: UpstreamLimits
  readonly #all = new Set<UpstreamConnection>()
  readonly #free: UpstreamConnection[] = []

  constructor(upstream: Upstream) {
    this.hostname = upstream.hostname
    this.port = upstream.port
    this.limits = upstream.limits
  }

  /** Sends a request on a free connection, or on a new one if none is free. */
  send(request: string, owner: ResponseOwner): UpstreamConnection {
    const connection = this.#take()
    connection.send(request, owner)
    return connection
  }

  tick(now: number): void {
    for (const connection of this.#all) connection.tick(now)
  }

  close(): void {
    for (const connection of this.#all) connection.drop()
  }

  onFree(connection: UpstreamConnection): void {
    this.#free.push(connection)
  }

  onGone(connection: UpstreamConnection): void {
    this.#all.delete(connection)
    const at = this.#free.indexOf(connection)
    if (at >= 0) this.#free.splice(at, 1)
  }

  #take(): UpstreamConnection {
    for (let free = this.#free.pop(); free !== undefined; free = this.#free.pop()) if (free.isUsable) return free
    const connection = new UpstreamConnection(this)
    this.#all.add(connection)
    return connection
  }
}
