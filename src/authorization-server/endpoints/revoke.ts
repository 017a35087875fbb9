import { credentialsOf } from '../clients/client-authentication.ts'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import type { ResolvedSettings } from '../core/settings.ts'
import { authenticate } from '../grants/token-request.ts'
import type { Client } from '../model/client.ts'
import type { Parameters } from '../parameters/value.ts'
import { textOf } from '../parameters/value.ts'
import { failureReply, REVOCATION_REFUSED } from '../responses/failure.ts'
import { jsonReply, type OAuthReply } from '../responses/replies.ts'
import type { StoredToken } from '../store/tokens.ts'
import type { EndpointRequest } from './endpoint.ts'
import { secretInUri } from './uri-credentials.ts'

type Refusal = typeof REVOCATION_REFUSED

interface Caller {
  readonly client: Client | undefined
  readonly settings: ResolvedSettings
}

interface Target extends Caller {
  readonly token: StoredToken
  /** The client the token was issued to; undefined when it has none. */
  readonly owner: Client | undefined
}

/** RFC 7009 §2.1, before the token is looked up. */
const CALLER_CHECKS: ReadonlyArray<Check<Caller, Refusal>> = [
  ({ client, settings }) => (client || settings.passwordGrantWithoutClient ? undefined : REVOCATION_REFUSED),
]

/** After the token is looked up: only the client it was issued to may revoke it (unlike I012). */
const TOKEN_CHECKS: ReadonlyArray<Check<Target, Refusal>> = [
  ({ client, token, owner, settings }) => {
    if (token.applicationId === null || token.applicationId === client?.id) return undefined
    const isFree = client === undefined && !owner?.confidential && !settings.compatibility.publicTokensNeedTheirClient
    return isFree ? undefined : REVOCATION_REFUSED
  },
]

/**
 * POST /oauth/revoke (RFC 7009 §2): authenticates the client first, then checks who owns the token; an unknown token
 * counts as revoked. Either token of a pair revokes both, even an expired one (docs/doorkeeper.md, 34-36; unlike I025
 * and I026).
 */
export async function revokeEndpoint(core: Core, { http, parameters, caller }: EndpointRequest): Promise<OAuthReply> {
  const { settings } = core
  const credentials = credentialsOf(http.headers.authorization, parameters, settings.compatibility)
  const leaked = await secretInUri(core, http, credentials)
  if (leaked !== undefined) return failureReply(leaked, settings.compatibility)
  const client = await authenticate(core, credentials, caller)
  const early = firstFailure(CALLER_CHECKS, { client, settings })
  if (early !== undefined) return jsonReply(403, early)
  const token = await hintedToken(core, parameters)
  if (token === undefined) return jsonReply(200, {})
  const owner = token.clientId === null ? undefined : await core.clients.find(token.clientId)
  const late = firstFailure(TOKEN_CHECKS, { client, settings, token, owner })
  if (late !== undefined) return jsonReply(403, late)
  await core.tokens.revoke(token, Date.now())
  return jsonReply(200, {})
}

/**
 * The token in the `token` parameter; the hint `refresh_token` restricts the search to refresh tokens (RFC 7009 §2.1;
 * I021).
 */
export async function hintedToken(core: Core, parameters: Parameters): Promise<StoredToken | undefined> {
  const token = textOf(parameters, 'token')
  if (token === undefined) return undefined
  const onlyRefresh =
    core.settings.compatibility.refreshHintIsStrict && textOf(parameters, 'token_type_hint') === 'refresh_token'
  return onlyRefresh ? core.tokens.findByRefresh(token) : core.tokens.findByEither(token)
}
