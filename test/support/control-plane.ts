import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Application } from '../../src/applications/index.ts'
import {
  type ControlPlaneSettings,
  type RunningControlPlane,
  startControlPlane,
} from '../../src/control-plane/index.ts'
import { type Log, silentLog } from '../../src/observability/index.ts'
import type { Database } from '../../src/storage/index.ts'
import { ROOT } from './program.ts'
import { scratchDirectory } from './scratch.ts'
import { WAIT_LIMIT_MS } from './wait.ts'

/** The answer to one request. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  readonly json: any
}

export interface Ask {
  readonly token?: string | null
  readonly json?: unknown
  readonly form?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** A control plane with separate tables, and the means to call it. */
export interface TestControlPlane {
  readonly url: string
  readonly schema: string
  readonly adminToken: string
  readonly gatewayToken: string
  readonly replicationToken: string
  readonly routingSecret: Uint8Array
  readonly directory: string
  readonly running: RunningControlPlane
  /** Sends a request as administrator, or with the given token; null sends no token. */
  ask(method: string, path: string, ask?: Ask): Promise<Answer>
  /** Announces an application that IAM has (or not, with `iamVersion` null). */
  announce(application: Application, iamVersion?: number | null): Promise<Answer>
  close(): Promise<void>
}

let count = 0
let scratch: string | undefined

/** One directory for all control planes of this process, so that only one needs to be removed at its end. */
function freshDirectory(): string {
  scratch ??= scratchDirectory('control').path
  return mkdtempSync(join(scratch, 'plane-'))
}

/** A schema name that is unused in this process. */
export function freshSchema(): string {
  const letters = [...String(count++)].map((digit) => 'abcdefghij'[Number(digit)]).join('')
  return `control_${letters}`
}

/** Starts a control plane on a free port. Two with the same `schema` and `directory` are replicas. */
export async function startTestControlPlane(
  database: Database,
  options: Partial<ControlPlaneSettings> & { directory?: string; log?: Log } = {},
): Promise<TestControlPlane> {
  const { directory: given, log = silentLog, ...settings } = options
  const directory = given ?? freshDirectory()
  const schema = settings.schema ?? freshSchema()
  const file = (name: string) => join(directory, name)
  const running = await startControlPlane(
    {
      listen: { host: '127.0.0.1', port: 0 },
      database,
      definitionsDirectory: join(ROOT, 'flags'),
      adminTokenFile: file('admin-token'),
      routingSecretFile: file('routing-secret'),
      tokens: [
        { role: 'gateway', name: 'gateway', file: file('gateway-token') },
        { role: 'replication', name: 'replication', file: file('replication-token') },
      ],
      ...settings,
      schema,
    },
    log,
  )
  const read = (name: string) => readFileSync(file(name), 'utf8').trim()
  const adminToken = read('admin-token')
  const ask = (method: string, path: string, options: Ask = {}) =>
    request(running.url, adminToken, method, path, options)
  return {
    url: running.url,
    schema,
    directory,
    running,
    adminToken,
    gatewayToken: read('gateway-token'),
    replicationToken: read('replication-token'),
    routingSecret: Buffer.from(read('routing-secret'), 'base64'),
    ask,
    announce: (application, iamVersion = application.version) =>
      ask('PUT', `/api/v1/applications/${application.id}`, { json: { application, iam_version: iamVersion } }),
    close: () => running.close(),
  }
}

async function request(base: string, adminToken: string, method: string, path: string, ask: Ask): Promise<Answer> {
  const headers = new Headers(ask.headers)
  const token = ask.token === undefined ? adminToken : ask.token
  if (token !== null) headers.set('private-token', token)
  let body: string | Uint8Array<ArrayBuffer> | URLSearchParams | null = null
  if (ask.json !== undefined) {
    headers.set('content-type', 'application/json')
    body = JSON.stringify(ask.json)
  } else if (ask.form !== undefined) body = new URLSearchParams(ask.form)
  else if (ask.body !== undefined) body = typeof ask.body === 'string' ? ask.body : new Uint8Array(ask.body)
  const answer = await fetch(base + path, { method, headers, body, signal: AbortSignal.timeout(WAIT_LIMIT_MS) })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text, json: parse(text) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** An application with this id and valid values for the rest. */
export function testApplication(id: number, changes: Partial<Application> = {}): Application {
  return {
    id,
    client_id: `client-${id}`,
    name: `Application ${id}`,
    secret_digest: null,
    redirect_uris: ['https://client.example/callback'],
    scopes: ['read_user'],
    confidential: false,
    trusted: false,
    version: 1,
    ...changes,
  }
}
