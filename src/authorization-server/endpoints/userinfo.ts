import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { userinfoClaims } from '../core/id-token.ts'
import type { DoorkeeperCompatibility } from '../model/compatibility.ts'
import type { ResourceOwner } from '../model/resource-owner.ts'
import { jsonReply, type OAuthReply } from '../responses/replies.ts'
import type { AccessToken } from '../store/tokens.ts'
import { accessTokenOf, malformed, presentedToken, refusal } from './bearer.ts'
import type { EndpointRequest } from './endpoint.ts'
import { tokenInUri } from './uri-credentials.ts'

interface Facts {
  readonly token: AccessToken | undefined
  readonly owner: ResourceOwner | undefined
  readonly compatibility: DoorkeeperCompatibility
}

/** OpenID Connect Core §5.3.1, RFC 6750 §3.1: the token, its scope, and that it belongs to a user. */
const CHECKS: ReadonlyArray<Check<Facts, OAuthReply>> = [
  ({ token, compatibility }) => refusal(token, ['openid'], compatibility),
  ({ owner, compatibility }) => (owner === undefined ? refusal(undefined, [], compatibility) : undefined),
]

/** GET and POST /oauth/userinfo (OpenID Connect Core §5.3). */
export async function userinfoEndpoint(core: Core, { http, parameters }: EndpointRequest): Promise<OAuthReply> {
  const stored = await presentedToken(core, http, parameters)
  const { compatibility } = core.settings
  const misplaced = await tokenInUri(core, http, stored?.clientId)
  if (misplaced !== undefined) return malformed(misplaced, compatibility)
  const token = stored && accessTokenOf(stored, Date.now())
  const owner = token?.subject == null ? undefined : await core.owners.find(token.subject)
  const failed = firstFailure(CHECKS, { token, owner, compatibility })
  if (failed !== undefined) return failed
  return jsonReply(200, userinfoClaims(core, owner as ResourceOwner, token?.scopes ?? []))
}
