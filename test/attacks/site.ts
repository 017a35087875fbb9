import { writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import type { RequestLimitSettings } from '../../src/authorization-server/index.ts'
import { type GatewaySettings, type RunningGateway, startGateway } from '../../src/gateway/index.ts'
import { type IamSettings, type RunningIam, startIam } from '../../src/iam/index.ts'
import {
  type MonolithSettings,
  type RunningMonolith,
  type SeedDocument,
  startMonolith,
} from '../../src/monolith/index.ts'
import { createLog } from '../../src/observability/index.ts'
import { ROUTING_FLAG } from '../../src/routing/index.ts'
import type { Database } from '../../src/storage/index.ts'
import { testDatabases } from '../support/database.ts'
import { freePorts } from '../support/ports.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually, WAIT_LIMIT_MS } from '../support/wait.ts'

const INTERNAL_TOKEN = 'internal-token-of-the-attacks'
const VERIFIER_KEY = Buffer.alloc(32, 9)
export const CALLBACK = 'https://client.example.test/callback'

/** The two sides: each has an application of every kind, identical except for the side its flag selects. */
export const SIDES = ['monolith', 'iam'] as const
export type SideName = (typeof SIDES)[number]

const NAMES = ['web', 'phone', 'native', 'odd'] as const
type Kind = (typeof NAMES)[number]

/** A name that tries to pass for something else: markup, a change of direction, control characters, another line. */
export const ODD_NAME =
  'Bank</strong><script>alert(1)</script> \u202Egnp.exe\u202C\u0007\r\nto use your account? \u2066'

/** The client_id of a side's application of this kind. */
export function clientId(side: SideName, kind: Kind = 'web'): string {
  return `${side}-${kind}`
}
/** The client secret of a side's web application. */
export function secretOf(side: SideName): string {
  return `secret-of-${side}`
}

function seed(): SeedDocument {
  const clients: SeedDocument['clients'] = {}
  SIDES.forEach((side, half) => {
    NAMES.forEach((kind, at) => {
      const isPublic = kind === 'phone'
      const uri = { phone: 'myapp://oauth/callback', native: 'urn:ietf:wg:oauth:2.0:oob', web: CALLBACK, odd: CALLBACK }
      clients[clientId(side, kind)] = {
        id: half * 10 + at + 1,
        name: kind === 'odd' ? ODD_NAME : `The ${kind} client of ${side}`,
        uid: clientId(side, kind),
        secret: isPublic ? null : secretOf(side),
        confidential: !isPublic,
        trusted: false,
        scopes: '',
        redirect_uris: [uri[kind]],
      }
    })
  })
  const user = (id: number, username: string, name: string) => {
    return { id, username, password: `${username}-password`, name, email: `${username}@example.test` }
  }
  return { users: [user(1, 'alice', 'Alice'), user(2, 'bob', 'Bob'), user(3, 'mallory', 'Mallory')], clients }
}

/** A request by an attacker or a client, from its own address. */
export interface Sending {
  readonly method?: string
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** A loopback address; all except 127.0.0.1, the gateway's, are strangers to both servers. */
  readonly from?: string
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly json: Readonly<Record<string, unknown>>
}

/** Monolith, IAM and the gateway in front of them, all in this process, with real sockets and a real store. */
export interface Site {
  /** The public address: the gateway. */
  readonly url: string
  readonly iam: RunningIam
  readonly monolith: RunningMonolith
  /** Every line that any of the three has logged. */
  readonly log: readonly string[]
  /** The database of both servers, in schemas of their own. */
  readonly database: Database
  send(path: string, sending?: Sending): Promise<Answer>
  close(): Promise<void>
}

export interface SiteSettings {
  readonly limits?: RequestLimitSettings
  readonly monolith?: Partial<MonolithSettings>
  readonly iam?: Partial<IamSettings>
  readonly gateway?: Partial<GatewaySettings>
  /** Opens what stands between the gateway and a server; resolves to the URL for the gateway. Default: nothing. */
  readonly before?: (side: SideName, url: string) => Promise<string>
}

/** Starts a site on the fastest available store: the server that `npm test` provides, else the embedded one. */
export async function startSite(settings: SiteSettings = {}): Promise<Site> {
  const engine = testDatabases().at(-1)
  if (!engine) throw new Error('no store')
  const store = await engine.open()
  const { database } = store
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const any = { host: '127.0.0.1', port: 0 }
  const lines: string[] = []
  const log = createLog('site', { level: 'debug', destination: { write: (line: string) => void lines.push(line) } })
  const scratch = scratchDirectory('attacks')
  const snapshot = join(scratch.path, 'snapshot.ndjson')
  const document = seed()
  const shared = { trustedProxies: ['127.0.0.1'], database, listen: any, issuer: url }
  // IAM checks passwords with the monolith, which replicates to IAM, so one must know the other's port in advance.
  const [monolithPort = 0] = await freePorts(1)
  const iam = await startIam(
    {
      ...shared,
      internalListen: any,
      internalToken: INTERNAL_TOKEN,
      verifierKey: VERIFIER_KEY,
      resourceOwnerUrl: `http://127.0.0.1:${monolithPort}/-/iam/resource_owner`,
      limits: settings.limits,
      ...settings.iam,
    },
    log,
  )
  const monolith = await startMonolith(
    {
      ...shared,
      listen: { host: '127.0.0.1', port: monolithPort },
      seed: document,
      iam: { internalUrl: iam.internalUrl, token: INTERNAL_TOKEN },
      ...settings.monolith,
      limits: { requests: settings.limits, ...settings.monolith?.limits },
    },
    log,
  )
  writeFileSync(snapshot, snapshotOf(document))
  const gateway: RunningGateway = await startGateway(
    {
      listen: { host: '0.0.0.0', port },
      legacyUrl: (await settings.before?.('monolith', monolith.url)) ?? monolith.url,
      iamUrl: (await settings.before?.('iam', iam.url)) ?? iam.url,
      source: { kind: 'file', path: snapshot, environment: 'production' },
      verifierKey: VERIFIER_KEY,
      ...settings.gateway,
    },
    log,
  )
  await eventually('the applications are with IAM', () => monolith.replicator.whenDelivered(1_000))
  return {
    url,
    iam,
    monolith,
    ...{ log: lines, database },
    send: (path, sending) => exchange(port, path, sending),
    async close() {
      await gateway.close()
      await monolith.close()
      await iam.close()
      await store.close()
      scratch.remove()
    },
  }
}

function snapshotOf({ clients }: SeedDocument): string {
  const rows = Object.values(clients).map(({ id, uid }) => [id, uid, 1])
  const moved = Object.values(clients).filter(({ uid }) => uid.startsWith('iam-'))
  const gates = {
    boolean: false,
    actors: moved.map(({ id }) => `Authn::OauthApplication:${id}`),
    percentage_of_actors: 0,
    opted_out: [],
  }
  const begin = { type: 'begin', format: 1, environment: 'production', version: 1, brake: false }
  const lines = [
    { ...begin, flags: { [ROUTING_FLAG]: gates } },
    { type: 'applications', rows },
    { type: 'end', version: 1, applications: rows.length },
  ]
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`
}

function exchange(port: number, path: string, sending: Sending = {}): Promise<Answer> {
  const { form, from = '127.0.0.2', method = form ? 'POST' : 'GET' } = sending
  const body = form && new URLSearchParams(form).toString()
  const headers = {
    host: `127.0.0.1:${port}`,
    ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    ...sending.headers,
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  }
  const options = {
    host: '127.0.0.1',
    port,
    path,
    method,
    headers,
    localAddress: from,
    agent: false,
    timeout: WAIT_LIMIT_MS,
  }
  return new Promise((resolve, reject) => {
    const sent = httpRequest(options, (response) => {
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

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const read: unknown = JSON.parse(text)
    return typeof read === 'object' && read !== null ? (read as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
