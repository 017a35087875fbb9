import type { Socket } from 'node:net'

/** How long a client may send nothing more before its connection is given up, and how long it may go on sending. */
const QUIET_MS = 2_000
const LONGEST_MS = 30_000

/**
 * Closes a connection behind what has been written to it, in stages (RFC 9112 §9.6): first our side, and the client's
 * when it has ended too or has been quiet for 2 s. Until then whatever it still sends is read and dropped, since bytes
 * that nobody reads would reset the connection and take the answer with it.
 */
export function closeInStages(socket: Socket): void {
  if (socket.destroyed) return
  const end = performance.now() + LONGEST_MS
  const timer = setTimeout(() => socket.destroy(), QUIET_MS)
  socket
    .on('data', () => {
      if (performance.now() < end) timer.refresh()
    })
    .once('close', () => clearTimeout(timer))
    .end()
  socket.resume()
}
