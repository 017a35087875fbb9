import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/**
 * Responds to bytes that the parser refused, which never became a request, and closes the connection. If a response has
 * already begun, it is cut instead, so that it is not mixed with a second one.
 */
export function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  const busy = (socket as { _httpMessage?: { headersSent?: boolean } | null })._httpMessage
  if (error.code === 'ECONNRESET' || !socket.writable || busy?.headersSent) return void socket.destroy()
  refuseWith(socket, STATUSES[error.code ?? ''] ?? 400)
}

/** Responds with a status and no body, then closes the connection. */
export function refuseWith(socket: Duplex, status: number): void {
  if (!socket.writable) return void socket.destroy()
  socket.on('error', () => {})
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  if ('destroySoon' in socket && typeof socket.destroySoon === 'function') socket.destroySoon()
  else socket.end()
}
