import { type Application, applicationSchema, LARGEST_ID } from '../../applications/index.ts'
import { type BatchResult, BOUNDS_RULE, MOST_VERSIONS, readBatch, readBounds, readId } from '../../handoff/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { BatchDelivery, ReplicatedApplications } from '../stores/replicated-applications.ts'
import { invalidRequest, json, queryParameter, readJson } from './answer.ts'

const VERSION = /^[1-9]\d{0,14}$/
/** An answer with more exceeds the 64 MiB that a platform reads. */
const MOST_AT_ONCE = 500_000

/**
 * PUT clients: stores an application document; {@link storedClientSchema}. Also 200 when the stored version is the same
 * or newer.
 */
export async function putClient(applications: ReplicatedApplications, request: HttpRequest): Promise<HttpReply> {
  const body = readJson(request, applicationSchema)
  if (!body.ok) return body.reply
  const nul = Object.entries(body.value).find(([, value]) => JSON.stringify(value).includes('\\u0000'))
  if (nul) return invalidRequest(`${nul[0]}: holds a NUL character`)
  const delivery = await applications.put(body.value)
  if (delivery.kind === 'conflict') return invalidRequest('id: belongs to another application')
  const { client_id, version } = body.value
  if (delivery.kind === 'stored') return json(200, { client_id, stored: true, version, state: 'held' })
  const state = delivery.isRemoved ? 'removed' : 'held'
  return json(200, { client_id, stored: false, version: delivery.version, state })
}

/** DELETE clients/:client_id `?version=N`: 200 whether or not there was anything to remove; `removed` says which. */
export async function deleteClient(
  applications: ReplicatedApplications,
  request: HttpRequest,
  clientId: string,
): Promise<HttpReply> {
  const version = queryParameter(request, 'version')
  if (version === undefined || !VERSION.test(version)) return invalidRequest('version: must be a positive integer')
  if (clientId.length > 255 || clientId.includes('\u0000')) return invalidRequest('client_id: cannot be one')
  return json(200, { client_id: clientId, removed: await applications.remove(clientId, Number(version)) })
}

/**
 * GET clients `?after=&up_to=&limit=`: a page of the stored applications; without parameters, which is how an older
 * platform asks, all of them, as long as the answer stays within what it reads.
 */
export async function listClients(applications: ReplicatedApplications, request: HttpRequest): Promise<HttpReply> {
  if (request.query === '') return listAll(applications)
  const after = readId(queryParameter(request, 'after') ?? '0')
  const upTo = readId(queryParameter(request, 'up_to') ?? String(LARGEST_ID))
  const limit = readId(queryParameter(request, 'limit') ?? String(MOST_VERSIONS)) ?? 0
  if (after === undefined) return invalidRequest('after: must be an id')
  if (upTo === undefined) return invalidRequest('up_to: must be an id')
  if (limit < 1 || limit > MOST_VERSIONS) return invalidRequest(`limit: must be 1 to ${MOST_VERSIONS}`)
  const clients = await applications.page({ after, upTo }, limit)
  return json(200, { clients, next: clients.length === limit ? (clients.at(-1)?.id ?? null) : null })
}

async function listAll(applications: ReplicatedApplications): Promise<HttpReply> {
  const clients = await applications.page({ after: 0, upTo: LARGEST_ID }, MOST_AT_ONCE + 1)
  if (clients.length <= MOST_AT_ONCE) return json(200, { clients })
  return invalidRequest(`limit: must be given, because there are more than ${MOST_AT_ONCE} applications`)
}

/** GET client_digests `?bounds=`: the digests of ranges of the stored applications. */
export async function digestClients(applications: ReplicatedApplications, request: HttpRequest): Promise<HttpReply> {
  const bounds = readBounds(queryParameter(request, 'bounds') ?? '')
  if (bounds === undefined) return invalidRequest(`bounds: ${BOUNDS_RULE}`)
  return json(200, { digests: await applications.digests(bounds) })
}

/** POST clients: stores a batch of documents; a faulty one concerns its own result only. */
export async function putClients(applications: ReplicatedApplications, request: HttpRequest): Promise<HttpReply> {
  const batch = readBatch(request.body.toString('utf8'), storableSchema)
  if (!batch.ok) return invalidRequest(batch.why)
  const documents = batch.lines.flatMap((line) => (line.ok ? [line.value] : []))
  const deliveries = (await applications.putAll(documents)).values()
  const results = batch.lines.map((line): BatchResult => {
    if (!line.ok) return { id: line.id, stored: false, error: line.error }
    return resultOf(line.value, deliveries.next().value ?? { kind: 'unstorable' })
  })
  return json(200, { results })
}

const storableSchema = applicationSchema.refine((application) => !JSON.stringify(application).includes('\\u0000'), {
  message: 'must not hold a NUL character',
})

function resultOf({ id, version }: Application, delivery: BatchDelivery): BatchResult {
  const refused = (error: string): BatchResult => ({ id, stored: false, error })
  switch (delivery.kind) {
    case 'stored':
      return { id, stored: true, version, state: 'held' }
    case 'stale':
      return { id, stored: false, version: delivery.version, state: delivery.isRemoved ? 'removed' : 'held' }
    case 'conflict':
      return refused('id: belongs to another application')
    case 'taken':
      return refused(`client_id: belongs to application ${delivery.by} of the same batch`)
    case 'unstorable':
      return refused('the database refuses the document')
  }
}
