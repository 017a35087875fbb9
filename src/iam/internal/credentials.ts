import { type AuthorizationServer, retryAfter } from '../../authorization-server/index.ts'
import { deviceAcceptSchema, internalIntrospectionSchema } from '../../handoff/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import { type ResourceOwnerTable, toResourceOwner } from '../stores/resource-owner-store.ts'
import { barredUser, invalidRequest, json, notFound, queryParameter, readJson } from './answer.ts'

/** What device/accept and introspect depend on. */
export interface CredentialDependencies {
  readonly core: AuthorizationServer
  readonly owners: ResourceOwnerTable
  /** The page where users enter device codes. */
  readonly devicePage: string
}

/**
 * PUT device/accept `?user_code=`: assigns the device waiting under this code to a user, once. A 404 for an expired
 * code has a `reason`, so that the device page can use its own message (recording N026).
 */
export async function acceptDevice(to: CredentialDependencies, request: HttpRequest): Promise<HttpReply> {
  const userCode = queryParameter(request, 'user_code')
  if (userCode === undefined) return invalidRequest('user_code: is missing')
  const body = readJson(request, deviceAcceptSchema)
  if (!body.ok) return body.reply
  const guess = await to.core.guessUserCode(body.value.subject)
  if (!guess.allowed) {
    const refused = json(429, { error: 'temporarily_unavailable' })
    return { ...refused, headers: [...refused.headers, retryAfter(guess.waitMs)] }
  }
  // The profile is stored before the device can fetch a token for that user.
  if (!(await to.owners.put(body.value))) return barredUser()
  const approval = await to.core.approveDevice(userCode, toResourceOwner(body.value))
  if (approval === 'approved') {
    await guess.takeBack()
    return json(200, { redirect_to: to.devicePage })
  }
  return json(404, { error: 'not_found', ...(approval === 'expired' ? { reason: 'expired' } : {}) })
}

/** GET device `?user_code=`: the device waiting under this code. The calling page has counted the guess. */
export async function showDevice(to: CredentialDependencies, request: HttpRequest): Promise<HttpReply> {
  const userCode = queryParameter(request, 'user_code')
  if (userCode === undefined) return invalidRequest('user_code: is missing')
  const device = await to.core.findDevice(userCode)
  if (device === undefined) return notFound()
  return json(200, {
    client: { client_id: device.clientId, client_name: device.clientName },
    requested_scope: device.scopes,
  })
}

/** POST introspect: whether an access token of this service is valid, and for what. Any other text is inactive. */
export async function introspect(to: CredentialDependencies, request: HttpRequest): Promise<HttpReply> {
  const body = readJson(request, internalIntrospectionSchema)
  if (!body.ok) return body.reply
  const token = await to.core.findAccessToken(body.value.token)
  if (!token || token.revoked || token.expired) return json(200, { active: false })
  return json(200, {
    active: true,
    subject: token.subject ?? undefined,
    client_id: token.clientId ?? undefined,
    scopes: token.scopes,
    exp: Math.floor(token.createdAt.getTime() / 1_000) + token.expiresIn,
  })
}
