import type { HttpReply } from '../../http/index.ts'
import { isAccessible, isExpired, presentedToken } from '../bearer.ts'
import { credentialsOf } from '../client-authentication.ts'
import type { Core } from '../core.ts'
import { failure, failureReply, invalidTokenReply, requestNotAuthorized } from '../failure.ts'
import { authenticate } from '../grants/token-request.ts'
import { inOrder } from '../member-order.ts'
import { jsonReply } from '../replies.ts'
import type { StoredToken } from '../store/tokens.ts'
import { secretInUri, tokenInUri } from '../uri-credentials.ts'
import type { EndpointRequest } from './endpoint.ts'
import { hintedToken } from './revoke.ts'

/** POST /oauth/introspect (RFC 7662 §2), by a client or by another token of the same client (README of the recording, 37). */
export async function introspectEndpoint(
  core: Core,
  { http, parameters, caller }: EndpointRequest,
): Promise<HttpReply> {
  const { dialect } = core.settings
  const credentials = credentialsOf(http.headers.authorization, parameters, dialect)
  const leaked = await secretInUri(core, http, credentials)
  if (leaked !== undefined) return failureReply(leaked, dialect)
  const now = Date.now()
  if (credentials !== undefined) {
    const client = await authenticate(core, credentials, caller)
    if (client === undefined) return failureReply(failure('invalid_client'), dialect)
    const token = await hintedToken(core, parameters)
    const isOwn = token !== undefined && (token.applicationId === null || token.applicationId === client.id)
    return answer(core, isOwn ? token : undefined, now)
  }
  const bearer = await presentedToken(core, http, parameters)
  const misplaced = await tokenInUri(core, http, bearer?.clientId)
  if (misplaced !== undefined) return failureReply(misplaced, dialect)
  if (bearer === undefined) return failureReply(requestNotAuthorized(dialect), dialect)
  const token = await hintedToken(core, parameters)
  if (mayIntrospect(bearer, token, now)) return answer(core, token, now)
  return invalidTokenReply(deathOf(bearer, now), dialect)
}

/** A token may ask about any other of its client, not about itself (J014, J015, J019). */
function mayIntrospect(bearer: StoredToken, token: StoredToken | undefined, now: number): boolean {
  return isAccessible(bearer, now) && bearer.id !== token?.id && bearer.applicationId === (token?.applicationId ?? null)
}

function deathOf(token: StoredToken, now: number): 'revoked' | 'expired' | 'unknown' {
  if (token.revokedAt !== null) return 'revoked'
  return isExpired(token, now) ? 'expired' : 'unknown'
}

function answer(core: Core, token: StoredToken | undefined, now: number): HttpReply {
  if (token === undefined || !isAccessible(token, now)) return jsonReply(200, { active: false })
  const iat = Math.floor(token.createdAt / 1_000)
  const members = {
    active: true,
    scope: token.scopes,
    client_id: token.clientId,
    token_type: 'Bearer',
    iat,
    exp: iat + token.expiresIn,
  }
  return jsonReply(200, inOrder(members, core.settings.dialect.order.introspection))
}
