import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { serve } from '../../http/index.ts'
import { silentLog } from '../../observability/index.ts'
import { type Database, migrate } from '../../storage/index.ts'
import {
  type AuthorizationServer,
  authorizationMigrations,
  createAuthorizationServer,
  type GrantEvent,
  hexTokenIssuer,
  type Parameters,
  type SecurityEvent,
  type Settings,
} from '../index.ts'
import { applicationOf, type ClientName, clients, isSeedPassword, seedOwner } from './seed.ts'

/** An answer as received over the wire. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  // biome-ignore lint/suspicious/noExplicitAny: the tests look into answers of many shapes
  readonly json: any
}

type Fields = Readonly<Record<string, string | undefined>>

export interface Sending {
  readonly query?: Fields | string
  readonly form?: Fields | string
  readonly json?: unknown
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** The core over real HTTP, with the seed's clients and users. */
export interface ServerUnderTest {
  readonly core: AuthorizationServer
  readonly url: string
  readonly events: GrantEvent[]
  readonly securityEvents: SecurityEvent[]
  send(method: string, path: string, sending?: Sending): Promise<Answer>
  /** POST /oauth/token */
  token(form: Fields, sending?: Sending): Promise<Answer>
  /** A code that alice, or the given user, approved. */
  code(client?: ClientName, parameters?: Fields, username?: 'alice' | 'bob'): Promise<string>
  /** A pair obtained through the whole code flow. */
  pair(client?: ClientName, parameters?: Fields): Promise<{ access: string; refresh: string }>
  close(): Promise<void>
}

/** Starts the core over a database; each schema is a separate server. */
export async function startServerUnderTest(
  database: Database,
  schema: string,
  settings: Partial<Settings> = {},
): Promise<ServerUnderTest> {
  await migrate(database, schema, authorizationMigrations)
  const events: GrantEvent[] = []
  const securityEvents: SecurityEvent[] = []
  const core = createAuthorizationServer({
    database,
    schema,
    tokenIssuer: hexTokenIssuer,
    settings: { issuer: 'https://issuer.example.test', ...settings },
    onGrant: (event) => events.push(event),
    onSecurityEvent: (event) => securityEvents.push(event),
    resourceOwners: {
      find: async (id) => [seedOwner('alice'), seedOwner('bob')].find((owner) => owner.id === id),
      authenticate: async (username, password) =>
        isSeedPassword(username, password) ? seedOwner(username as 'alice') : undefined,
    },
  })
  for (const name of Object.keys(clients) as ClientName[]) await core.applications.upsert(applicationOf(name))
  const running = await serve({
    listen: { host: '127.0.0.1', port: 0 },
    log: silentLog,
    handler: async (request) => (await core.handle(request)) ?? { status: 599, headers: [], body: 'not its own' },
  })
  const send = (method: string, path: string, sending: Sending = {}) => exchange(running.url, method, path, sending)
  const code = async (client: ClientName = 'conf', parameters: Fields = {}, username: 'alice' | 'bob' = 'alice') => {
    const asked = { ...authorizationParameters(client), ...parameters }
    const reply = await core.approve(asked as Parameters, seedOwner(username), running.url)
    const location = reply.headers.find(([name]) => name === 'Location')?.[1] ?? ''
    return /[?&#]code=([^&]+)/.exec(location)?.[1] ?? ''
  }
  const token = (form: Fields, sending: Sending = {}) => send('POST', '/oauth/token', { form, ...sending })
  return {
    core,
    url: running.url,
    events,
    securityEvents,
    send,
    token,
    code,
    async pair(client = 'conf', parameters = {}) {
      const answer = await token(exchangeFields(await code(client, parameters), client))
      return { access: answer.json?.access_token, refresh: answer.json?.refresh_token }
    },
    close: () => running.close(),
  }
}

/** The default parameters of an authorization request by a client. */
export function authorizationParameters(client: ClientName): Record<string, string> {
  return {
    client_id: clients[client].uid,
    redirect_uri: clients[client].redirect_uris[0],
    response_type: 'code',
    scope: 'api',
    state: 'st-123',
  }
}

/** The credentials of a client as parameters; a public client sends no secret. */
export function credentials(client: ClientName, secret?: string): Record<string, string> {
  const { uid, confidential } = clients[client]
  if (!confidential && secret === undefined) return { client_id: uid }
  return { client_id: uid, client_secret: secret ?? clients[client].secret }
}

/** The credentials of a client as a header. */
export function basic(client: ClientName, secret = clients[client].secret): string {
  return `Basic ${Buffer.from(`${clients[client].uid}:${secret}`).toString('base64')}`
}

/** The fields of a code exchange. */
export function exchangeFields(code: string, client: ClientName = 'conf'): Record<string, string> {
  return {
    grant_type: 'authorization_code',
    code,
    redirect_uri: clients[client].redirect_uris[0],
    ...credentials(client),
  }
}

/** The fields of a refresh. */
export function refreshFields(refreshToken: string, client: ClientName = 'conf'): Record<string, string> {
  return { grant_type: 'refresh_token', refresh_token: refreshToken, ...credentials(client) }
}

function encode(fields: Fields | string): string {
  if (typeof fields === 'string') return fields
  const present = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined)
  return new URLSearchParams(present).toString()
}

function exchange(base: string, method: string, path: string, sending: Sending): Promise<Answer> {
  const headers: Record<string, string | number> = { ...sending.headers }
  let body = sending.body
  if (sending.form !== undefined) {
    body = encode(sending.form)
    headers['content-type'] ??= 'application/x-www-form-urlencoded'
  } else if (sending.json !== undefined) {
    body = JSON.stringify(sending.json)
    headers['content-type'] ??= 'application/json'
  }
  if (body !== undefined) headers['content-length'] = Buffer.byteLength(body)
  const query = sending.query === undefined ? '' : `?${encode(sending.query)}`
  return new Promise((resolve, reject) => {
    const sent = httpRequest(base + path + query, { method, headers, timeout: 15_000 }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, json: parse(text) })
      })
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer in 15 s')))
    sent.on('error', reject)
    sent.end(body)
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
