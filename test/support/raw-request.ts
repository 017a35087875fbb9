import { type IncomingHttpHeaders, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { WAIT_LIMIT_MS } from './wait.ts'

/**
 * Sends one GET exactly as given: the path is not normalized, a redirect is not followed, and the body is returned as it
 * was sent, still encoded.
 */
export function rawRequest(
  base: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, headers, timeout: WAIT_LIMIT_MS }, (answer) => {
      buffer(answer).then((body) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }), reject)
    })
    sent.on('timeout', () => sent.destroy(new Error(`${path} was not answered in time`)))
    sent.on('error', reject)
    sent.end()
  })
}
