import type { Socket } from 'node:net'

/** How long a client may be silent before its connection is destroyed, and how long it may keep sending. */
const QUIET_MS = 2_000
const LONGEST_MS = 30_000

/**
 * Closes a connection in stages after everything written to it (RFC 9112 §9.6): first the server's side, then the
 * client's when it has ended too or has been silent for 2 s. Until then further bytes are read and discarded, since
 * unread bytes would reset the connection and lose the response.
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
