import { credentialsOf } from '../clients/client-authentication.ts'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { authenticate } from '../grants/token-request.ts'
import type { Client } from '../model/client.ts'
import type { DoorkeeperCompatibility } from '../model/compatibility.ts'
import { inOrder } from '../model/member-order.ts'
import {
  type Failure,
  failure,
  failureReply,
  invalidTokenReply,
  requestNotAuthorized,
  type TOKEN_TEXTS,
} from '../responses/failure.ts'
import { jsonReply, type OAuthReply } from '../responses/replies.ts'
import type { StoredToken } from '../store/tokens.ts'
import { accessTokenOf, isAccessible, presentedToken, TOKEN_CHECKS } from './bearer.ts'
import type { EndpointRequest } from './endpoint.ts'
import { hintedToken } from './revoke.ts'
import { secretInUri, tokenInUri } from './uri-credentials.ts'

interface BearerFacts {
  readonly bearer: StoredToken | undefined
  /** The token to describe. */
  readonly token: StoredToken | undefined
  readonly compatibility: DoorkeeperCompatibility
  readonly now: number
}

type Refusal = Failure | keyof typeof TOKEN_TEXTS

/** RFC 7662 §2.1, for a client as caller: it must authenticate (RFC 6749 §5.2). */
const CLIENT_CHECKS: ReadonlyArray<Check<Client | undefined>> = [
  (client) => (client === undefined ? failure('invalid_client') : undefined),
]

/**
 * RFC 7662 §2.1, for a bearer token as caller (RFC 6750 §3.1): any other token of its client, but not itself (J014,
 * J015, J019).
 */
const BEARER_CHECKS: ReadonlyArray<Check<BearerFacts, Refusal>> = [
  ({ bearer, compatibility }) => (bearer === undefined ? requestNotAuthorized(compatibility) : undefined),
  ({ bearer, now }) => firstFailure(TOKEN_CHECKS, bearer && accessTokenOf(bearer, now)),
  ({ bearer, token }) => (bearer?.id === token?.id ? 'unknown' : undefined),
  ({ bearer, token }) => (bearer?.applicationId !== (token?.applicationId ?? null) ? 'unknown' : undefined),
]

/**
 * POST /oauth/introspect (RFC 7662 §2), by a client or with another token of the same client (docs/doorkeeper.md, 37).
 */
export async function introspectEndpoint(
  core: Core,
  { http, parameters, caller }: EndpointRequest,
): Promise<OAuthReply> {
  const { compatibility } = core.settings
  const credentials = credentialsOf(http.headers.authorization, parameters, compatibility)
  const leaked = await secretInUri(core, http, credentials)
  if (leaked !== undefined) return failureReply(leaked, compatibility)
  const now = Date.now()
  if (credentials !== undefined) {
    const client = await authenticate(core, credentials, caller)
    const failed = firstFailure(CLIENT_CHECKS, client)
    if (failed !== undefined) return failureReply(failed, compatibility)
    const token = await hintedToken(core, parameters)
    const isOwn = token?.applicationId === null || token?.applicationId === client?.id
    return answer(core, isOwn ? token : undefined, now)
  }
  const bearer = await presentedToken(core, http, parameters)
  const misplaced = await tokenInUri(core, http, bearer?.clientId)
  if (misplaced !== undefined) return failureReply(misplaced, compatibility)
  const token = bearer && (await hintedToken(core, parameters))
  const failed = firstFailure(BEARER_CHECKS, { bearer, token, compatibility, now })
  if (failed === undefined) return answer(core, token, now)
  return typeof failed === 'string' ? invalidTokenReply(failed, compatibility) : failureReply(failed, compatibility)
}

function answer(core: Core, token: StoredToken | undefined, now: number): OAuthReply {
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
  return jsonReply(200, inOrder(members, core.settings.compatibility.order.introspection))
}
