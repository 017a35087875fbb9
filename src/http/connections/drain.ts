import type { Server as HttpServer } from 'node:http'
import { Server, type Socket } from 'node:net'
import type { ClientConnections } from './node-connections.ts'
import { readyToClose } from './stop-listening.ts'

/** How a server is stopped. */
export interface DrainOptions {
  /** Time limit for everything, in milliseconds; what is left then is cut. */
  readonly graceMs: number
  /** How long an idle connection is kept, in milliseconds, since a request may be on its way. */
  readonly idleMs: number
  /**
   * Set where other processes accept connections from the same queue: the queue is left to them, and this is called once
   * this process has closed its listener.
   */
  readonly onQueueLeft?: (() => void) | undefined
}

const SWEEP_MS = 25

/**
 * Stops a server without losing a request that has begun: accepts pending connections, stops listening, answers
 * requests that have arrived or are arriving, closes each connection after its response, then the idle ones, and cuts
 * the rest after `graceMs`. Resolves once no connection is left; never rejects.
 */
export async function drainServer(
  server: HttpServer,
  listeners: readonly ClientConnections[],
  { graceMs, idleMs, onQueueLeft }: DrainOptions,
): Promise<void> {
  const cut = setTimeout(() => closeAll(server, listeners), graceMs)
  const takeAccepted = holdConnections(server)
  if (graceMs > 0 && onQueueLeft === undefined) await readyToClose(server, graceMs / 2)
  // Node's own `close` would reset the idle connections at once, and stop enforcing the time limit for heads.
  const closed = new Promise((resolve) => Server.prototype.close.call(server, resolve))
  onQueueLeft?.()
  for (const listener of listeners) listener.startClosing()
  takeAccepted()
  // After a read, so that everything received by then has been seen.
  const sweeping = setInterval(() => setImmediate(() => closeIdle(listeners, idleMs)), SWEEP_MS)
  await closed
  clearInterval(sweeping)
  clearTimeout(cut)
  server.close()
}

function closeIdle(listeners: readonly ClientConnections[], idleMs: number): void {
  for (const listener of listeners) listener.closeIdle(idleMs)
}

function closeAll(server: HttpServer, listeners: readonly ClientConnections[]): void {
  for (const listener of listeners) listener.closeAll()
  server.closeAllConnections()
}

/**
 * Holds newly accepted connections until the returned function is called: if they were closed, their clients would
 * reconnect at once.
 */
function holdConnections(server: HttpServer): () => void {
  const listeners = server.listeners('connection')
  const held: Socket[] = []
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => held.push(socket.on('error', () => {})))
  return () => {
    for (const socket of held) for (const take of listeners) take.call(server, socket)
  }
}
