import type { Server as HttpServer } from 'node:http'
import { Server, type Socket } from 'node:net'
import type { ClientConnections, IdleLimits } from './node-connections.ts'
import { readyToClose } from './stop-listening.ts'

/** How a server is stopped. */
export interface DrainOptions {
  /** Time limit for everything, in milliseconds; what is left then is cut. */
  readonly graceMs: number
  /** How long an idle connection is kept, in milliseconds, since a request may be on its way. */
  readonly idleMs: number
  /**
   * How long a connection that has carried no request is kept, in milliseconds. Default: {@link UNUSED_MS}, but at most a
   * quarter of `graceMs` or `idleMs`, whichever is longer.
   */
  readonly unusedMs?: number | undefined
  /**
   * Set where other processes accept connections from the same queue: the queue is left to them, and this is called once
   * this process has closed its listener.
   */
  readonly onQueueLeft?: (() => void) | undefined
}

const SWEEP_MS = 25
/** A client that has just connected is about to send, and may be slow. */
const UNUSED_MS = 2_000

/**
 * Stops a server without losing a request that has begun: accepts pending connections, stops listening, answers
 * requests that have arrived or are arriving, closes each connection after its response, then the idle ones, and cuts
 * the rest after `graceMs`. Resolves once no connection is left; never rejects.
 */
export async function drainServer(
  server: HttpServer,
  listeners: readonly ClientConnections[],
  { graceMs, idleMs, unusedMs = Math.max(idleMs, Math.min(UNUSED_MS, graceMs / 4)), onQueueLeft }: DrainOptions,
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
  const sweeping = setInterval(() => setImmediate(() => closeIdle(listeners, { idleMs, unusedMs })), SWEEP_MS)
  await closed
  clearInterval(sweeping)
  clearTimeout(cut)
  server.close()
}

function closeIdle(listeners: readonly ClientConnections[], limits: IdleLimits): void {
  for (const listener of listeners) listener.closeIdle(limits)
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
    for (const socket of held) {
      // It ended without a request, and its end event is over, so its listeners would never learn of it.
      if (socket.readableEnded) socket.destroy()
      else for (const take of listeners) take.call(server, socket)
    }
  }
}
