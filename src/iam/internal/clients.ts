import { applicationSchema } from '../../applications/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { ReplicatedApplications } from '../stores/replicated-applications.ts'
import { invalidRequest, json, queryParameter, readJson } from './answer.ts'

const VERSION = /^[1-9]\d{0,14}$/

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

/** GET clients: the stored applications. */
export async function listClients(applications: ReplicatedApplications): Promise<HttpReply> {
  const held = await applications.list()
  return json(200, { clients: held.map(({ id, client_id, version }) => ({ id, client_id, version })) })
}
