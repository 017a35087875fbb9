import { DESCRIBED_PAIR_HEADER } from '../../credentials/index.ts'
import { firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { parseScopes } from '../core/scopes.ts'
import { failureReply, invalidTokenReply } from '../responses/failure.ts'
import { jsonReply, type OAuthReply } from '../responses/replies.ts'
import { accessTokenOf, bearerOf, secondsLeft, TOKEN_CHECKS } from './bearer.ts'
import type { EndpointRequest } from './endpoint.ts'
import { tokenInUri } from './uri-credentials.ts'

/**
 * GET /oauth/token/info: describes the bearer token; every failure has the same error text (docs/doorkeeper.md, 38).
 * A gateway that composes an introspection may present either token of a pair, which describes the access token (37).
 */
export async function tokenInfoEndpoint(core: Core, { http, parameters }: EndpointRequest): Promise<OAuthReply> {
  const presented = bearerOf(http, parameters)
  const isPair = http.headers[DESCRIBED_PAIR_HEADER] !== undefined
  const find = isPair ? core.tokens.findByEither : core.tokens.findByAccess
  const token = presented === undefined ? undefined : await find.call(core.tokens, presented)
  const misplaced = await tokenInUri(core, http, token?.clientId)
  if (misplaced !== undefined) return failureReply(misplaced, core.settings.compatibility)
  const now = Date.now()
  const failed = firstFailure(TOKEN_CHECKS, token && accessTokenOf(token, now))
  if (failed !== undefined || token === undefined) return invalidTokenReply('unknown', core.settings.compatibility)
  return jsonReply(200, {
    resource_owner_id: token.subject === null ? null : Number(token.subject),
    scope: parseScopes(token.scopes),
    expires_in: secondsLeft(token, now),
    application: { uid: token.clientId },
    created_at: Math.floor(token.createdAt / 1_000),
  })
}
