import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  AUTH_TOKEN_HEADER,
  INTERNAL_PATHS,
  loginRequestSchema,
  type ResourceOwnerDocument,
} from '../../handoff/index.ts'
import { call, listen } from '../../http/index.ts'
import { createLog } from '../../observability/index.ts'
import { type Database, openDatabase } from '../../storage/index.ts'
import { type IamSettings, type RunningIam, startIam } from '../index.ts'

/** The token of the internal port in tests. */
export const INTERNAL_TOKEN = 'internal-token-of-the-tests'
/** The verifier key in tests. */
export const VERIFIER_KEY = Buffer.alloc(32, 7)

export const alice: ResourceOwnerDocument = {
  subject: '1',
  username: 'alice',
  name: 'Alice Example',
  email: 'alice@example.test',
  claims: {},
  auth_time: Math.floor(Date.now() / 1_000) - 600,
}
export const bob: ResourceOwnerDocument = {
  ...alice,
  subject: '2',
  username: 'bob',
  name: 'Bob',
  email: 'bob@example.test',
}

/** How the stand-in for the monolith handles a hand-off. */
export interface Behaviour {
  /** The signed-in user. */
  user: ResourceOwnerDocument | undefined
  /** `show` answers with a page and leaves the challenge open. */
  signIn: 'accept' | 'show' | 'cancel'
  consent: 'accept' | 'reject' | 'show'
  /** The user's grants that it reports at sign-in; undefined: none. */
  grantedScopes: string[] | undefined
  /** How the password check answers: normally, or with a fault. */
  passwords: 'answer' | 'fail'
}

/** An IAM auth service and a stand-in for the monolith, behind one origin. */
export interface Platform {
  readonly origin: string
  readonly iam: RunningIam
  readonly database: Database
  readonly behaviour: Behaviour
  /** Every line the service has logged. */
  readonly logLines: string[]
  /** Calls the internal port with its token. */
  internal(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, json?: unknown): ReturnType<typeof call>
  close(): Promise<void>
}

/** The databases that a suite runs on: one in memory, and a server when a URL is given. */
export function testDatabases(url: string | undefined): Array<{ readonly name: string; open(): Promise<Database> }> {
  const embedded = { name: 'the embedded database', open: () => openDatabase({ kind: 'embedded', dataDir: undefined }) }
  return url
    ? [embedded, { name: 'a PostgreSQL server', open: () => openDatabase({ kind: 'postgres', url }) }]
    : [embedded]
}

/** Starts a platform over a database with a new schema. */
export async function startPlatform(
  database: Database,
  schema: string,
  options: Partial<Omit<IamSettings, 'database' | 'schema' | 'issuer'>> & { withPasswords?: boolean } = {},
): Promise<Platform> {
  await database.query(`drop schema if exists ${schema} cascade`)
  await database.query(`drop schema if exists ${schema}_handoff cascade`)
  const { withPasswords, ...settings } = options
  const behaviour: Behaviour = {
    user: alice,
    signIn: 'accept',
    consent: 'accept',
    grantedScopes: undefined,
    passwords: 'answer',
  }
  const upstream: { iam?: RunningIam } = {}
  const front = createServer((message, response) => {
    const toIam = /^(\/o\/[^/]+)?\/+oauth\b|^\/\.well-known|^\/__lab/.test(message.url ?? '')
    if (toIam && upstream.iam) forward(upstream.iam.address.port, message, response)
    else void standIn(behaviour, upstream, message, response)
  })
  const running = await listen(front, { host: '127.0.0.1', port: 0 })
  const logLines: string[] = []
  const log = createLog('iam', { level: 'debug', destination: { write: (line) => void logLines.push(line) } })
  const local = { host: '127.0.0.1', port: 0 }
  const iam = await startIam(
    {
      listen: local,
      internalListen: local,
      issuer: running.url,
      database,
      schema,
      internalToken: INTERNAL_TOKEN,
      verifierKey: VERIFIER_KEY,
      testControls: true,
      ...(withPasswords ? { resourceOwnerUrl: `${running.url}/-/iam/resource_owner` } : {}),
      ...settings,
    },
    log,
  )
  upstream.iam = iam
  return {
    origin: running.url,
    iam,
    database,
    behaviour,
    logLines,
    internal: (method, path, json) =>
      call({ method, url: iam.internalUrl + path, headers: { [AUTH_TOKEN_HEADER]: INTERNAL_TOKEN }, json }),
    async close() {
      await iam.close()
      await running.close(0)
    },
  }
}

function forward(port: number, message: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers } = message
  const onward = httpRequest({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(response)
  })
  onward.on('error', () => response.destroy())
  message.pipe(onward)
}

async function standIn(
  behaviour: Behaviour,
  upstream: { iam?: RunningIam },
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(message.url ?? '/', 'http://stand-in')
  const internal = async (method: 'GET' | 'PUT', path: string, json?: unknown) => {
    const headers = { [AUTH_TOKEN_HEADER]: INTERNAL_TOKEN }
    return (await call({ method, url: (upstream.iam?.internalUrl ?? '') + path, headers, json })).json as {
      redirect_to?: string
      requested_scope?: string[]
      subject?: string
    }
  }
  const go = (answer: { redirect_to?: string }) => {
    response.writeHead(302, { location: answer.redirect_to ?? '/failed' }).end()
  }
  const page = (text: string) => void response.writeHead(200, { 'content-type': 'text/html' }).end(text)
  const login = url.searchParams.get('login_challenge')
  const consent = url.searchParams.get('consent_challenge')
  if (url.pathname === '/-/iam/resource_owner') return passwordAnswer(behaviour, message, response)
  if (url.pathname === '/users/sign_in' && login) {
    const asked = loginRequestSchema.parse(await internal('GET', `${INTERNAL_PATHS.login}?login_challenge=${login}`))
    if (behaviour.signIn === 'show' || (!behaviour.user && !asked.prompt_none)) return page('sign in')
    if (behaviour.signIn === 'cancel' || !behaviour.user) {
      const error = behaviour.user ? 'access_denied' : 'login_required'
      return go(await internal('PUT', `${INTERNAL_PATHS.loginReject}?challenge=${login}`, { error }))
    }
    if (asked.reauthenticate) behaviour.user = { ...behaviour.user, auth_time: Math.ceil(Date.now() / 1_000) }
    const { user, grantedScopes: granted_scopes } = behaviour
    return go(await internal('PUT', `${INTERNAL_PATHS.loginAccept}?challenge=${login}`, { ...user, granted_scopes }))
  }
  if (url.pathname === '/-/iam/consent' && consent) {
    if (behaviour.consent === 'show') return page('consent')
    const asked = await internal('GET', `${INTERNAL_PATHS.consent}?consent_challenge=${consent}`)
    if (behaviour.consent === 'reject') {
      const body = { error: 'access_denied' }
      return go(await internal('PUT', `${INTERNAL_PATHS.consentReject}?challenge=${consent}`, body))
    }
    const body = { grant_scope: asked.requested_scope, subject: asked.subject }
    return go(await internal('PUT', `${INTERNAL_PATHS.consentAccept}?challenge=${consent}`, body))
  }
  response.writeHead(404).end('not here')
}

async function passwordAnswer(behaviour: Behaviour, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  if (behaviour.passwords === 'fail' || message.headers[AUTH_TOKEN_HEADER] !== INTERNAL_TOKEN) {
    response.writeHead(500).end()
    return
  }
  const given = JSON.parse(Buffer.concat(chunks).toString()) as { username: string; password: string }
  const { user } = behaviour
  const fits = given.username === user?.username && given.password === `${user.username}-password-1`
  response.writeHead(fits ? 200 : 404, { 'content-type': 'application/json' }).end(fits ? JSON.stringify(user) : '{}')
}
