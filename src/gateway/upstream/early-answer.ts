import type { Socket } from 'node:net'

/** What a write meets when the other side has closed or reset the connection. */
const GONE = new Set(['EPIPE', 'ECONNRESET'])

type Written = (error?: Error | null) => void

/**
 * Lets an answer be read that came before its request was sent whole. A server that refuses an upload (413) often
 * closes at once, so that the next write fails; node would then destroy the socket with the answer unread in it. Here
 * that write and those after it come to nothing, and the end of what there is to read is the end of the connection
 * (RFC 9112 §9.5).
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
