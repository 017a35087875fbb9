import type { IncomingMessage } from 'node:http'

const EMPTY = Buffer.alloc(0)

/**
 * Reads a complete body. Resolves to `too_large` as soon as more than `limit` bytes are announced or have arrived, and
 * to `aborted` if the client disconnected first; in both cases the rest is not read. Never rejects.
 */
export function readBody(message: IncomingMessage, limit: number): Promise<Buffer | 'too_large' | 'aborted'> {
  const announced = Number(message.headers['content-length'] ?? Number.NaN)
  if (announced > limit) return Promise.resolve('too_large')
  if (announced === 0 || (Number.isNaN(announced) && message.headers['transfer-encoding'] === undefined)) {
    message.resume()
    return Promise.resolve(EMPTY)
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) return finish('too_large')
      chunks.push(chunk)
    }
    const onEnd = () => finish(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
    const onGone = () => finish('aborted')
    const finish = (result: Buffer | 'too_large' | 'aborted') => {
      message.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
      if (result === 'too_large') message.pause()
      else message.on('error', () => {})
      resolve(result)
    }
    message.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  })
}
