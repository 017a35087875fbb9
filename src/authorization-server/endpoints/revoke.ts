import type { HttpReply } from '../../http/index.ts'
import { credentialsOf } from '../client-authentication.ts'
import type { Parameters } from '../contract.ts'
import type { Core } from '../core.ts'
import { REVOCATION_REFUSED } from '../failure.ts'
import { authenticate } from '../grants/token-request.ts'
import { textOf } from '../parameters/value.ts'
import { jsonReply } from '../replies.ts'
import type { StoredToken } from '../store/tokens.ts'
import type { EndpointRequest } from './endpoint.ts'

/**
 * POST /oauth/revoke (RFC 7009 §2): the client first, then whose token it is; an unknown token is revoked already.
 * Either of a pair revokes both, and so does one that has expired (README of the recording, 34-36; not I025).
 */
export async function revokeEndpoint(core: Core, { http, parameters, caller }: EndpointRequest): Promise<HttpReply> {
  const credentials = credentialsOf(http.headers.authorization, parameters, core.settings.dialect)
  const client = await authenticate(core, credentials, caller)
  if (client === undefined && !core.settings.passwordGrantWithoutClient) return jsonReply(403, REVOCATION_REFUSED)
  const token = await hintedToken(core, parameters)
  if (token === undefined) return jsonReply(200, {})
  if (token.applicationId !== null && token.applicationId !== client?.id) return jsonReply(403, REVOCATION_REFUSED)
  await core.tokens.revoke(token.id, Date.now())
  return jsonReply(200, {})
}

/** The token of the `token` parameter; the hint `refresh_token` looks there only (RFC 7009 §2.1; I021). */
export async function hintedToken(core: Core, parameters: Parameters): Promise<StoredToken | undefined> {
  const token = textOf(parameters, 'token')
  if (token === undefined) return undefined
  const onlyRefresh =
    core.settings.dialect.refreshHintIsStrict && textOf(parameters, 'token_type_hint') === 'refresh_token'
  return onlyRefresh ? core.tokens.findByRefresh(token) : core.tokens.findByEither(token)
}
