import type { Server as HttpServer } from 'node:http'
import { Server, type Socket } from 'node:net'
import type { ClientConnections } from './node-connections.ts'
import { readyToClose } from './stop-listening.ts'

/** How a server is stopped. */
export interface DrainOptions {
  /** For everything; what is left then is cut. In milliseconds. */
  readonly graceMs: number
  /** How long a connection without a request is kept, since a request may be on its way on it. */
  readonly idleMs: number
}

const SWEEP_MS = 25

/**
 * Stops a server so that no request which had begun is lost: accepts what waits to be accepted, stops listening,
 * answers what has come or is coming and closes each connection behind its answer, then those that stayed idle, and
 * cuts what is left when `graceMs` are over. Resolves when no connection is left.
 */
export async function drainServer(
  server: HttpServer,
  lanes: readonly ClientConnections[],
  { graceMs, idleMs }: DrainOptions,
): Promise<void> {
  const cut = setTimeout(() => closeAll(server, lanes), graceMs)
  const takeAccepted = holdConnections(server)
  if (graceMs > 0) await readyToClose([server], graceMs / 2)
  // Node's own `close` would reset the idle connections at once, and stop to limit how long heads take.
  const closed = new Promise((resolve) => Server.prototype.close.call(server, resolve))
  for (const lane of lanes) lane.startClosing()
  takeAccepted()
  // Behind a read, so that what had come by then has been seen.
  const sweeping = setInterval(() => setImmediate(() => closeIdle(lanes, idleMs)), SWEEP_MS)
  await closed
  clearInterval(sweeping)
  clearTimeout(cut)
  server.close()
}

function closeIdle(lanes: readonly ClientConnections[], idleMs: number): void {
  for (const lane of lanes) lane.closeIdle(idleMs)
}

function closeAll(server: HttpServer, lanes: readonly ClientConnections[]): void {
  for (const lane of lanes) lane.closeAll()
  server.closeAllConnections()
}

/** Lets what is accepted from now on wait until the function returned is called: its clients would be back at once. */
function holdConnections(server: HttpServer): () => void {
  const listeners = server.listeners('connection')
  const held: Socket[] = []
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => held.push(socket.on('error', () => {})))
  return () => {
    for (const socket of held) for (const take of listeners) take.call(server, socket)
  }
}
