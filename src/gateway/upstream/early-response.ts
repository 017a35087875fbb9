import type { Socket } from 'node:net'

/** Errors of a write when the peer has closed or reset the connection. */
const GONE = new Set(['EPIPE', 'ECONNRESET'])

type Written = (error?: Error | null) => void

/**
 * Makes a response readable that arrives before its request is sent completely. A server that refuses an upload (413)
 * often closes at once, so the next write fails; node would then destroy the socket with the response unread. Here that
 * write and later ones are discarded, and the connection ends when its readable data ends (RFC 9112 §9.5).
 */
export function keepReadable(socket: Socket): void {
  let isGone = false
  const writer = socket as unknown as {
    _write(chunk: unknown, encoding: BufferEncoding, done: Written): void
    _writev(chunks: unknown, done: Written): void
  }
  const write = writer._write.bind(socket)
  const writev = writer._writev.bind(socket)
  const tolerant = (done: Written) => (error?: Error | null) => {
    isGone ||= GONE.has((error as NodeJS.ErrnoException | null | undefined)?.code ?? '')
    if (isGone) done()
    else done(error)
  }
  writer._write = (chunk, encoding, done) => (isGone ? done() : write(chunk, encoding, tolerant(done)))
  writer._writev = (chunks, done) => (isGone ? done() : writev(chunks, tolerant(done)))
}
