import {
  type AccessToken,
  type AuthorizationServer,
  emptyReply,
  jsonReply,
  type RequestLimits,
  tooManyRequests,
} from '../../authorization-server/index.ts'
import { IAM_PREFIXES } from '../../credentials/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import type { IamClient, Introspection } from '../iam-client/iam-client.ts'

/** What the endpoint depends on. */
export interface ApiUserOptions {
  readonly core: AuthorizationServer
  readonly iam: IamClient | undefined
  readonly limits: RequestLimits
  readonly log: Log
}

const SCOPES = ['api', 'read_api', 'read_user']
const RETRY_AFTER_SECONDS = '5'

/**
 * GET /api/v4/user, the protected resource (P001-P005): accepts tokens of this server and of IAM. While IAM cannot be
 * reached about one of its own, the answer is 503, because a false 401 would sign people out.
 */
export function apiUserEndpoint({ core, iam, limits, log }: ApiUserOptions) {
  return async (request: HttpRequest): Promise<HttpReply> => {
    const caller = limits.callerOf(request)
    const refused = limits.admit('api_user', caller) ?? limits.admitGuess(caller)
    if (refused !== undefined) {
      limits.reached({ endpoint: 'api_user', limit: refused.limit, network: caller.address.network })
      return tooManyRequests(refused.waitMs)
    }
    const read = core.readParameters(request)
    if (!read.ok) return read.reply
    const value = core.bearerOf(request, read.parameters)
    const token = value === undefined ? undefined : await resolve(value, core, iam)
    if (token === 'unavailable') {
      log.warn('api: IAM could not introspect a token')
      return jsonReply(503, { error: 'temporarily_unavailable' }, [
        ['Retry-After', RETRY_AFTER_SECONDS],
        ['Cache-Control', 'no-store'],
      ])
    }
    if (token === undefined && value !== undefined) limits.wrongCredential(caller, value)
    const refusal = (await core.refuseTokenInUri(request, token?.clientId)) ?? core.admit(token, SCOPES)
    if (refusal) return refusal
    if (!token) return emptyReply(401)
    return jsonReply(200, { id: token.subject === null ? null : Number(token.subject), scopes: token.scopes })
  }
}

async function resolve(
  value: string,
  core: AuthorizationServer,
  iam: IamClient | undefined,
): Promise<AccessToken | 'unavailable' | undefined> {
  if (!iam || !isOfIam(value)) return core.findAccessToken(value)
  const answer = await iam.introspect(value)
  if (answer.kind === 'unavailable') return 'unavailable'
  return answer.kind === 'ok' ? asAccessToken(answer.value) : undefined
}

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Whether a token looks like one of IAM's: by its prefix, or as a JWT, which this server never issues. */
function isOfIam(value: string): boolean {
  return value.startsWith(IAM_PREFIXES.access_token) || JWT.test(value)
}

function asAccessToken(answer: Introspection): AccessToken | undefined {
  if (!answer.active) return undefined
  return {
    id: 0,
    applicationId: null,
    clientId: answer.client_id ?? null,
    subject: answer.subject ?? null,
    scopes: answer.scopes ?? [],
    createdAt: new Date(),
    expiresIn: 0,
    revoked: false,
    expired: false,
  }
}
