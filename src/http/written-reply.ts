import { STATUS_CODES, validateHeaderValue } from 'node:http'
import type { HttpReply } from './message.ts'

/** Whether a response with this status has no body, whatever the handler returned (RFC 9110 §15.3.5, §15.4.5). */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304
}

/**
 * Serializes a response exactly as `node:http` does, as a string if it contains only ASCII. `connection` is the value
 * of the Connection header. Throws for a header with a line break or another control character.
 */
export function writtenReply({ status, headers, body }: HttpReply, connection: string): string | Buffer {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`
  for (const [name, value] of headers) {
    validateHeaderValue(name, value)
    head += `${name}: ${value}\r\n`
  }
  const length = Buffer.byteLength(body)
  if (!isBodiless(status)) head += `Content-Length: ${length}\r\n`
  head += `Date: ${date()}\r\nConnection: ${connection}\r\n\r\n`
  if (isBodiless(status) || length === 0) return isAscii(head) ? head : Buffer.from(head, 'latin1')
  if (typeof body === 'string' && length === body.length && isAscii(head)) return head + body
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)])
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length
}

let second = 0
let written = ''

/** The current date, formatted once a second. */
function date(): string {
  const now = Math.floor(Date.now() / 1_000)
  if (now !== second) {
    second = now
    written = new Date(now * 1_000).toUTCString()
  }
  return written
}
