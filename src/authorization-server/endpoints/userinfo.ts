import type { HttpReply } from '../../http/index.ts'
import { accessTokenOf, malformed, presentedToken, refusal } from '../bearer.ts'
import type { Core } from '../core.ts'
import { userinfoClaims } from '../id-token.ts'
import { jsonReply } from '../replies.ts'
import { tokenInUri } from '../uri-credentials.ts'
import type { EndpointRequest } from './endpoint.ts'

/** GET and POST /oauth/userinfo (OpenID Connect Core §5.3). A token no user stands behind is invalid here. */
export async function userinfoEndpoint(core: Core, { http, parameters }: EndpointRequest): Promise<HttpReply> {
  const stored = await presentedToken(core, http, parameters)
  const { dialect } = core.settings
  const misplaced = await tokenInUri(core, http, stored?.clientId)
  if (misplaced !== undefined) return malformed(misplaced, dialect)
  const token = stored && accessTokenOf(stored, Date.now())
  const refused = refusal(token, ['openid'], dialect)
  if (refused !== undefined) return refused
  const owner = token?.subject == null ? undefined : await core.owners.find(token.subject)
  if (token === undefined || owner === undefined) return refusal(undefined, [], dialect) as HttpReply
  return jsonReply(200, userinfoClaims(core, owner, token.scopes))
}
