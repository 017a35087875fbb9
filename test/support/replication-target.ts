import { z } from 'zod'
import type { Application } from '../../src/applications/index.ts'
import { applicationSchema, LARGEST_ID, rangeDigest } from '../../src/applications/index.ts'
import { AUTH_TOKEN_HEADER, type BatchResult, readBatch, readBounds } from '../../src/handoff/index.ts'
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
  /** Every request that changed something, or tried to, in order: `PUT 1 v2`, `DELETE 1 v3`; `POST 9` before a batch of 9. */
  readonly log: readonly string[]
  /** The names of the lists of which a page was read, once for each page. */
  readonly pages: readonly string[]
  /** Answers every request with this status from now on; undefined: normally. */
  failWith(status: number | undefined): void
  /** Rejects documents of these ids with 400. */
  reject(...ids: number[]): void
  /** Fails on documents with these ids: 500. */
  breakOn(...ids: number[]): void
  /** Answers as a version from before batches, digests and pages. */
  becomeOlder(): void
  /** Answers batches with at most this number of results from now on. */
  cutAnswers(results: number): void
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
  const pages: string[] = []
  const rejected = new Set<number>()
  const breaking = new Set<number>()
  const token = 'target-token-target-token-target'
  let failure: number | undefined
  let isOlder = false
  let mostResults = Number.POSITIVE_INFINITY
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
    const query = new URLSearchParams(request.query)
    const version = Number(query.get('version'))
    const last = decodeURIComponent(request.path.split('/').at(-1) ?? '')
    const body = () => JSON.parse(request.body.toString('utf8'))
    const isIam = request.path.startsWith('/oauth2/')
    if (!isOlder && request.method === 'POST') return putAll(request.body.toString('utf8'), isIam)
    if (request.method === 'GET') return list(request.path, query, isIam)
    if (isIam) {
      if (request.method === 'PUT') return put(applicationSchema.parse(body()), null)
      return remove(
        [...held.values()].find((document) => document.application.client_id === last),
        version,
      )
    }
    if (request.method === 'PUT') return put(applicationSchema.parse(body().application), body().iam_version)
    return remove(held.get(Number(last)), version)
  }
  const putAll = (text: string, isIam: boolean): HttpReply => {
    const schema = z.object({ application: applicationSchema, iam_version: z.int().nullable() })
    const batch = isIam
      ? readBatch(
          text,
          applicationSchema.transform((application) => ({ application, iam_version: null })),
        )
      : readBatch(text, schema)
    if (!batch.ok) return json(400, { error: 'invalid_request', error_description: batch.why })
    log.push(`POST ${batch.lines.length}`)
    if (batch.lines.some((line) => line.ok && breaking.has(line.value.application.id))) return json(500, {})
    const results = batch.lines.map((line): BatchResult => {
      if (!line.ok) return { id: line.id, stored: false, error: line.error }
      const { application, iam_version } = line.value
      const { status, body } = put(application, iam_version)
      const { stored, version, state } = JSON.parse(String(body))
      if (status !== 200) return { id: application.id, stored: false, error: 'rejected: is not wanted' }
      return { id: application.id, stored, version, state }
    })
    return json(200, { results: results.slice(0, mostResults) })
  }
  const list = (path: string, query: URLSearchParams, isIam: boolean): HttpReply => {
    const rows = [...held.values()]
      .sort((a, b) => a.application.id - b.application.id)
      .map((document) => ({ ...toClient(document), iam_version: document.iamVersion }))
    const name = isIam ? 'clients' : 'applications'
    const isDigests = path.endsWith('digests')
    const isKnown = path.endsWith('/clients') || path.endsWith('/applications')
    if (isOlder) return isKnown ? json(200, { [name]: rows }) : json(404, { error: 'not_found' })
    const [after, upTo] = [Number(query.get('after') ?? 0), Number(query.get('up_to') ?? LARGEST_ID)]
    const within = (from: number, to: number) => rows.filter(({ id }) => id > from && id <= to)
    if (isDigests) {
      const bounds = readBounds(query.get('bounds') ?? '') ?? []
      return json(200, {
        digests: bounds
          .slice(1)
          .map((bound, at) =>
            rangeDigest(
              within(bounds[at] ?? 0, bound).map((row) => ({ ...row, reported: isIam ? null : row.iam_version })),
            ),
          ),
      })
    }
    pages.push(name)
    const limit = Number(query.get('limit'))
    const page = within(after, upTo).slice(0, limit)
    return json(200, { [name]: page, next: page.length === limit ? (page.at(-1)?.id ?? null) : null })
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
    pages,
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
    becomeOlder() {
      isOlder = true
    },
    cutAnswers(results) {
      mostResults = results
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
