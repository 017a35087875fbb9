import type { AuthorizationServer } from '../../authorization-server/index.ts'
import { type GrantDocument, grantRevocationSchema, grantsQuerySchema } from '../../handoff/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { Database } from '../../storage/index.ts'
import type { ChallengeStore } from '../challenges/challenge-store.ts'
import { faultsOf, invalidRequest, json, readJson } from './answer.ts'

/** What the grants part of the internal API depends on. */
export interface GrantDependencies {
  readonly core: AuthorizationServer
  readonly database: Database
  readonly challenges: ChallengeStore
}

/** GET grants `?subject=&client_id=`: the applications a user has authorized, or one of them. */
export async function listGrants({ core }: GrantDependencies, request: HttpRequest): Promise<HttpReply> {
  const query = grantsQuerySchema.safeParse(Object.fromEntries(new URLSearchParams(request.query)))
  if (!query.success) return invalidRequest(faultsOf(query.error))
  const grants = await core.grants.list(query.data.subject, query.data.client_id)
  const documents: GrantDocument[] = grants.map(({ id, clientId, name, scope, createdAt }) => ({
    ...{ id, client_id: clientId, client_name: name, scope },
    created_at: createdAt.toISOString(),
  }))
  return json(200, { grants: documents })
}

/** POST grants/revoke: revokes what one user has granted to one application. */
export async function revokeGrants(
  { core, database, challenges }: GrantDependencies,
  request: HttpRequest,
): Promise<HttpReply> {
  const body = readJson(request, grantRevocationSchema)
  if (!body.ok) return body.reply
  const { subject, client_id } = body.value
  const { tokens, codes, deviceCodes } = await database.transaction(async (tx) => {
    // An answer stays valid for a while, and would issue another code to a browser that goes back to it.
    await challenges.takeBackAnswers(subject, client_id, tx)
    return core.grants.revoke(subject, client_id, tx)
  })
  return json(200, { revoked: { tokens, codes, device_codes: deviceCodes } })
}
