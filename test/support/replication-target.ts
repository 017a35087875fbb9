import type { Application } from '../../src/applications/index.ts'
import { applicationSchema } from '../../src/applications/index.ts'
import { AUTH_TOKEN_HEADER, INTERNAL_PATHS } from '../../src/handoff/index.ts'
import {
  type HttpReply,
  type HttpRequest,
  type ListenAddress,
  type RunningServer,
  serve,
} from '../../src/http/index.ts'
import { silentLog } from '../../src/observability/index.ts'

/** A server that stores applications as IAM and the control plane do: by version, with tombstones, behind a token. */
export interface TargetServer {
  readonly url: string
  readonly token: string
  readonly held: ReadonlyMap<number, HeldDocument>
  /** Every request that changed something, or tried to, in order: `PUT 1 v2`, `DELETE 1 v3`. */
  readonly log: readonly string[]
  /** Answers every request with this status from now on; undefined: normally. */
  failWith(status: number | undefined): void
  /** Rejects documents of these ids with 400. */
  reject(...ids: number[]): void
  /** Fails on documents with these ids: 500. */
  breakOn(...ids: number[]): void
  /** Loses or gains documents without replication noticing. */
  drop(id: number): void
  hold(document: HeldDocument): void
  /** Stops, and returns at the same address. */
  stop(): Promise<void>
  start(): Promise<void>
}

export interface HeldDocument {
  readonly application: Application
  readonly iamVersion: number | null
}

/** Starts one that implements IAM's internal API and the control plane's. */
export async function startTargetServer(): Promise<TargetServer> {
  const held = new Map<number, HeldDocument>()
  const gone = new Map<number, number>()
  const log: string[] = []
  const rejected = new Set<number>()
  const breaking = new Set<number>()
  const token = 'target-token-target-token-target'
  let failure: number | undefined
  let address: ListenAddress = { host: '127.0.0.1', port: 0 }
  let server: RunningServer | undefined

  const put = (application: Application, iamVersion: number | null): HttpReply => {
    log.push(`PUT ${application.id} v${application.version}${iamVersion === null ? '' : ` iam v${iamVersion}`}`)
    if (rejected.has(application.id)) return json(400, { error: 'invalid_request' })
    if (breaking.has(application.id)) return json(500, { error: 'server_error' })
    const removed = held.has(application.id) ? undefined : gone.get(application.id)
    const version = held.get(application.id)?.application.version ?? 0
    if (removed !== undefined && removed >= application.version) {
      const asIam = { client_id: application.client_id, stored: false, version: removed, state: 'removed' }
      return json(200, { ...asIam, applied: false, application: null })
    }
    const stored = application.version >= version
    if (stored) held.set(application.id, { application, iamVersion })
    const asIam = { client_id: application.client_id, stored, version: Math.max(version, application.version) }
    return json(200, { ...asIam, state: 'held', applied: stored, application: {} })
  }
  const remove = (found: HeldDocument | undefined, version: number): HttpReply => {
    if (!found) return json(404, { error: 'not_found' })
    const { id } = found.application
    log.push(`DELETE ${id} v${version}`)
    if (found.application.version <= version) held.delete(id)
    gone.set(id, version)
    return json(200, {})
  }
  const answer = (request: HttpRequest): HttpReply => {
    const isAllowed =
      request.headers[AUTH_TOKEN_HEADER] === token || request.headers.authorization === `Bearer ${token}`
    if (failure !== undefined) return json(failure, { error: 'failure' })
    if (!isAllowed) return json(401, { error: 'unauthorized' })
    const version = Number(new URLSearchParams(request.query).get('version'))
    const last = decodeURIComponent(request.path.split('/').at(-1) ?? '')
    const body = () => JSON.parse(request.body.toString('utf8'))
    if (request.path.startsWith(INTERNAL_PATHS.clients)) {
      if (request.method === 'GET') return json(200, { clients: [...held.values()].map(toClient) })
      if (request.method === 'PUT') return put(applicationSchema.parse(body()), null)
      return remove(
        [...held.values()].find((document) => document.application.client_id === last),
        version,
      )
    }
    if (request.method === 'GET') {
      const applications = [...held.values()].map((document) => ({
        ...toClient(document),
        iam_version: document.iamVersion,
      }))
      return json(200, { applications })
    }
    if (request.method === 'PUT') return put(applicationSchema.parse(body().application), body().iam_version)
    return remove(held.get(Number(last)), version)
  }
  const start = async () => {
    server = await serve({ listen: address, handler: async (request) => answer(request), log: silentLog })
    address = server.address
  }
  await start()
  return {
    get url() {
      return `http://127.0.0.1:${address.port}`
    },
    token,
    held,
    log,
    failWith(status) {
      failure = status
    },
    reject(...ids) {
      rejected.clear()
      for (const id of ids) rejected.add(id)
    },
    breakOn(...ids) {
      breaking.clear()
      for (const id of ids) breaking.add(id)
    },
    drop: (id) => void held.delete(id),
    hold: (document) => void held.set(document.application.id, document),
    start,
    async stop() {
      await server?.close(0)
    },
  }
}

function toClient({ application: { id, client_id, version } }: HeldDocument) {
  return { id, client_id, version }
}

function json(status: number, body: unknown): HttpReply {
  return { status, headers: [['Content-Type', 'application/json']], body: JSON.stringify(body) }
}
