import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import { Pool } from 'undici'
import { type FaultProxy, openFaultProxy, type ProxyAddress } from '../support/fault-proxy.ts'

/** A request on its way to IAM, with its whole body. */
export interface QuirkRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly form: URLSearchParams
  readonly isBasic: boolean
  /** When the proxy received it, in milliseconds since the epoch. */
  readonly at: number
}

/** A response as the gateway gets it. */
export interface QuirkResponse {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: string
}

/** How IAM treats one client differently from legacy. */
export interface Quirk {
  /** A response in place of IAM's own, if this request meets the quirk. */
  refuse?(request: QuirkRequest): QuirkResponse | undefined
  /** Changes IAM's own response; returns the same object if it does not. */
  alter?(request: QuirkRequest, response: QuirkResponse): QuirkResponse
}

/** What the proxy saw of one client. */
export interface Sightings {
  /** When a request or response met the quirk. */
  readonly met: number[]
  /** When a request that starts a new flow arrived. */
  readonly newFlows: number[]
}

/** A proxy in front of IAM that has a quirk for some of the clients. */
export interface QuirkProxy extends FaultProxy {
  sightings(clientId: string): Sightings
}

const LIMIT_MS = 20_000
const NEW_GRANTS = new Set(['client_credentials', 'password'])

/** Opens the proxy; `quirkOf` is asked for each request whose client is known. */
export async function openQuirkProxy(
  listen: ProxyAddress,
  target: ProxyAddress,
  quirkOf: (clientId: string) => Quirk | undefined,
): Promise<QuirkProxy> {
  const inner = await openFaultProxy({ host: listen.host, port: 0 }, target)
  const pool = new Pool(inner.url, { connections: 128, headersTimeout: LIMIT_MS, bodyTimeout: LIMIT_MS })
  const clients = new Map<string, Sightings>()
  const owners = new Map<string, string>()
  const sightings = (clientId: string): Sightings => {
    const known = clients.get(clientId) ?? { met: [], newFlows: [] }
    clients.set(clientId, known)
    return known
  }

  async function pass(request: QuirkRequest, headers: IncomingHttpHeaders, body: Buffer): Promise<QuirkResponse> {
    const clientId = clientOf(request, headers, owners)
    const seen = clientId === undefined ? undefined : sightings(clientId)
    if (seen !== undefined && startsFlow(request)) seen.newFlows.push(request.at)
    const quirk = clientId === undefined ? undefined : quirkOf(clientId)
    const refusal = quirk?.refuse?.(request)
    if (refusal !== undefined) {
      seen?.met.push(request.at)
      return refusal
    }
    const answer = await forward(pool, request, headers, body)
    if (clientId !== undefined) noteCredentials(answer, clientId, owners)
    const altered = quirk?.alter?.(request, answer) ?? answer
    if (altered !== answer) seen?.met.push(request.at)
    return altered
  }

  const server = createServer((message, reply) => {
    const chunks: Buffer[] = []
    message.on('data', (chunk: Buffer) => chunks.push(chunk))
    message.on('end', () => {
      const body = Buffer.concat(chunks)
      const url = new URL(message.url ?? '/', 'http://iam')
      const request: QuirkRequest = {
        ...{ method: message.method ?? 'GET', path: url.pathname, query: url.searchParams, at: Date.now() },
        form: new URLSearchParams(body.toString('utf8')),
        isBasic: /^basic /i.test(message.headers.authorization ?? ''),
      }
      pass(request, message.headers, body).then(
        (answer) => send(reply, answer),
        () => reply.destroy(),
      )
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(listen.port, listen.host, () => resolve())
  })
  return {
    ...{ url: `http://${listen.host}:${listen.port}`, sightings },
    get mode() {
      return inner.mode
    },
    set: (mode) => inner.set(mode),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await pool.destroy()
      await inner.close()
    },
  }
}

async function forward(pool: Pool, request: QuirkRequest, given: IncomingHttpHeaders, body: Buffer) {
  const { connection: _connection, 'transfer-encoding': _encoding, 'content-length': _length, ...headers } = given
  const query = request.query.size === 0 ? '' : `?${request.query}`
  const answer = await pool.request({
    ...{ method: request.method as 'GET', path: request.path + query, headers, body: body.length > 0 ? body : null },
  })
  const { 'content-length': _size, 'transfer-encoding': _how, connection: _kept, ...rest } = answer.headers
  return { status: answer.statusCode, headers: rest, body: await answer.body.text() }
}

function send(reply: ServerResponse, { status, headers, body }: QuirkResponse): void {
  reply.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
  reply.end(body)
}

function startsFlow({ path, query, form }: QuirkRequest): boolean {
  if (path.endsWith('/authorize')) return !query.has('login_verifier') && !query.has('consent_verifier')
  if (path.endsWith('/authorize_device')) return true
  return path.endsWith('/token') && NEW_GRANTS.has(form.get('grant_type') ?? '')
}

/** The client of a request: named in it, or the owner of the credential that it carries. */
function clientOf(request: QuirkRequest, headers: IncomingHttpHeaders, owners: ReadonlyMap<string, string>) {
  const { query, form } = request
  const named = query.get('client_id') ?? form.get('client_id')
  if (named !== null) return named
  const [, scheme = '', value = ''] = /^(\w+) +(.+)$/.exec(headers.authorization ?? '') ?? []
  if (scheme.toLowerCase() === 'basic') {
    const pair = Buffer.from(value, 'base64').toString('utf8')
    return decodeURIComponent(pair.slice(0, pair.indexOf(':')))
  }
  const presented = ['code', 'refresh_token', 'device_code', 'token'].map((name) => form.get(name))
  return [value, ...presented].map((each) => owners.get(each ?? '')).find((owner) => owner !== undefined)
}

function noteCredentials({ body, headers }: QuirkResponse, clientId: string, owners: Map<string, string>): void {
  const code = /[?&]code=([^&]+)/.exec(String(headers['location'] ?? ''))?.[1]
  if (code !== undefined) owners.set(decodeURIComponent(code), clientId)
  for (const [, token = ''] of body.matchAll(/"(?:access_token|refresh_token|device_code)":"([^"]+)"/g)) {
    owners.set(token, clientId)
  }
}
