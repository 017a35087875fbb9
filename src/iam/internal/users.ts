import { userDocumentSchema, userRevocationSchema } from '../../handoff/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { ResourceOwnerTable, ToldChange } from '../stores/resource-owner-store.ts'
import { invalidRequest, json, queryParameter, readJson } from './answer.ts'

const VERSION = /^[1-9]\d{0,14}$/
const SUBJECT = /^[1-9]\d{0,18}$/
const MOST_A_PAGE = 1_000

/** PUT users: a change of a user. Also 200 when nothing was stored; `stored` and `version` say which. */
export async function putUser(owners: ResourceOwnerTable, request: HttpRequest): Promise<HttpReply> {
  const body = readJson(request, userDocumentSchema)
  if (!body.ok) return body.reply
  return answer(body.value.subject, await owners.change(body.value))
}

/** DELETE users/:subject `?version=N`: deletes the user. */
export async function deleteUser(
  owners: ResourceOwnerTable,
  request: HttpRequest,
  subject: string,
): Promise<HttpReply> {
  const version = queryParameter(request, 'version')
  if (!SUBJECT.test(subject)) return invalidRequest('subject: must be the decimal string of a positive integer')
  if (version === undefined || !VERSION.test(version)) return invalidRequest('version: must be a positive integer')
  return answer(subject, await owners.remove(subject, Number(version)))
}

/** GET users `?after=&limit=`: the users this service knows. */
export async function listUsers(owners: ResourceOwnerTable, request: HttpRequest): Promise<HttpReply> {
  const after = queryParameter(request, 'after') ?? ''
  const most = queryParameter(request, 'limit') ?? String(MOST_A_PAGE)
  if (after !== '' && !SUBJECT.test(after)) return invalidRequest('after: must be the subject of a user')
  if (!/^\d{1,4}$/.test(most) || Number(most) < 1 || Number(most) > MOST_A_PAGE) {
    return invalidRequest(`limit: must be 1 to ${MOST_A_PAGE}`)
  }
  const users = await owners.list(after, Number(most))
  const next = users.length === Number(most) ? (users.at(-1)?.subject ?? null) : null
  return json(200, { users, next })
}

/** POST users/revoke: ends all of a user's credentials so far; an unknown user has none. */
export async function revokeUser(owners: ResourceOwnerTable, request: HttpRequest): Promise<HttpReply> {
  const body = readJson(request, userRevocationSchema)
  if (!body.ok) return body.reply
  const { subject } = body.value
  return json(200, { subject, tokens_revoked: await owners.signOut(subject) })
}

function answer(subject: string, { stored, held }: ToldChange): HttpReply {
  return json(200, { subject, stored, version: held?.version ?? null, state: held?.state ?? null })
}
