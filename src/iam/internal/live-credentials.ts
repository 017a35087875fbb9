import type { AuthorizationServer, LiveCount, LiveCredentials } from '../../authorization-server/index.ts'
import { type ApplicationCredentials, credentialRevocationSchema } from '../../handoff/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import { invalidRequest, json, notFound, queryParameter, readJson } from './answer.ts'

type Core = Pick<AuthorizationServer, 'liveCredentials'>

const MOST_A_PAGE = 100
const NUMBER = /^\d{1,15}$/

/** GET credentials `?after=&limit=&client_id=`: one page of applications, those with live credentials. */
export async function listLiveCredentials({ liveCredentials }: Core, request: HttpRequest): Promise<HttpReply> {
  const after = queryParameter(request, 'after') ?? '0'
  const most = queryParameter(request, 'limit') ?? String(MOST_A_PAGE)
  const clientId = queryParameter(request, 'client_id')
  if (!NUMBER.test(after)) return invalidRequest('after: must be an integer')
  if (!NUMBER.test(most) || Number(most) < 1 || Number(most) > MOST_A_PAGE) {
    return invalidRequest(`limit: must be 1 to ${MOST_A_PAGE}`)
  }
  if (clientId?.includes('\u0000')) return invalidRequest('client_id: cannot be one')
  const limit = Number(most)
  const page = await liveCredentials.list({ after: Number(after), limit, clientId })
  return json(200, {
    as_of: new Date().toISOString(),
    applications: page.filter(hasAny).map(documentOf),
    next: page.length === limit ? (page.at(-1)?.applicationId ?? null) : null,
  })
}

/** POST credentials/revoke: revokes one batch; `done` tells whether to repeat the call. */
export async function revokeCredentials({ liveCredentials }: Core, request: HttpRequest): Promise<HttpReply> {
  const body = readJson(request, credentialRevocationSchema)
  if (!body.ok) return body.reply
  const { client_id, kinds } = body.value
  if (client_id.includes('\u0000')) return invalidRequest('client_id: cannot be one')
  const batch = await liveCredentials.revoke(client_id, kinds)
  if (batch === undefined) return notFound()
  const revoked = { tokens: batch.tokens, codes: batch.codes, device_codes: batch.deviceCodes }
  return json(200, { client_id, revoked, done: batch.isDone })
}

function hasAny(one: LiveCredentials): boolean {
  return one.accessTokens.count + one.refreshTokens.count + one.codes.count + one.deviceCodes.count > 0
}

function documentOf(one: LiveCredentials): ApplicationCredentials {
  const live = ({ count, earliestExpiry, latestExpiry }: LiveCount) => ({
    count,
    earliest_expiry: earliestExpiry?.toISOString() ?? null,
    latest_expiry: latestExpiry?.toISOString() ?? null,
  })
  return {
    client_id: one.clientId,
    name: one.name,
    access_tokens: live(one.accessTokens),
    refresh_tokens: { ...one.refreshTokens, without_expiry: one.refreshTokens.count },
    codes: live(one.codes),
    device_codes: live(one.deviceCodes),
  }
}
