import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'

const TIME_LIMIT_MS = 30_000

/** A request as it is sent; a header that is null is omitted. */
export interface Outgoing {
  readonly method: string
  readonly target: string
  readonly headers?: Readonly<Record<string, string | null>>
  readonly body?: string | undefined
}

/** A response, with the header lines as received: spelling, order and repetitions. */
export interface Answer {
  readonly status: number
  readonly reason: string
  readonly lines: ReadonlyArray<readonly [name: string, value: string]>
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Sends requests to one server. Rejects if it does not answer within 30 seconds. */
export type Send = (outgoing: Outgoing) => Promise<Answer>

/** Sends to the server at `base`, each request on its own connection and without additional headers. */
export function sendTo(base: URL): Send {
  const request = base.protocol === 'https:' ? httpsRequest : httpRequest
  return ({ method, target, headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const all = { Host: base.host, Accept: '*/*', ...headers, Connection: 'close' }
      const sent: Record<string, string> = {}
      for (const [name, value] of Object.entries(all)) if (value !== null) sent[name] = value
      if (body !== undefined) sent['Content-Length'] = String(Buffer.byteLength(body))
      const outgoing = request({
        host: base.hostname,
        port: base.port,
        method,
        path: target,
        headers: sent,
        setDefaultHeaders: false,
        timeout: TIME_LIMIT_MS,
      })
      outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${TIME_LIMIT_MS} ms`)))
      outgoing.once('error', reject)
      outgoing.once('response', (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.once('error', reject)
        incoming.once('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            reason: incoming.statusMessage ?? '',
            lines: pairs(incoming.rawHeaders),
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        )
      })
      outgoing.end(body)
    })
}

function pairs(raw: readonly string[]): Array<readonly [string, string]> {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ''] as const] : []))
}
