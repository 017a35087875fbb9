import { loginAcceptSchema, rejectSchema } from '../../handoff/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import type { Database } from '../../storage/index.ts'
import { isFreshSignIn } from '../challenges/challenge.ts'
import type { ChallengeStore } from '../challenges/challenge-store.ts'
import type { ResourceOwnerTable } from '../stores/resource-owner-store.ts'
import { barredUser, invalidRequest, json, notFound, queryParameter, readJson } from './answer.ts'

/** What the login part of the internal API depends on. */
export interface SignInDependencies {
  readonly database: Database
  readonly challenges: ChallengeStore
  readonly owners: ResourceOwnerTable
  /**
   * Where the browser takes the verifier of a challenge. Names the client, if it is known, so that a gateway can
   * attribute a failure to it; IAM itself ignores it.
   */
  redirectTo(kind: 'login' | 'consent', challenge: string, clientId: string): string
}

/** How far the monolith's clock may be behind, in seconds. */
const SKEW = 60

const SIGN_IN_TOO_OLD = json(400, {
  error: 'invalid_request',
  error_description: 'auth_time: is too old for this request, which asks for a new sign-in',
  reason: 'sign_in_too_old',
})

/** Errors that a sign-in may end with (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6). */
const REFUSALS: ReadonlySet<string> = new Set([
  'access_denied',
  'login_required',
  'interaction_required',
  'account_selection_required',
  'consent_required',
  'temporarily_unavailable',
  'server_error',
])

/** GET login: the data about a challenge that the sign-in page needs. */
export async function showLogin(to: SignInDependencies, request: HttpRequest): Promise<HttpReply> {
  const text = queryParameter(request, 'login_challenge')
  if (text === undefined) return invalidRequest('login_challenge: is missing')
  const challenge = await to.challenges.find('login', text)
  if (!challenge) return notFound()
  return json(200, {
    challenge: text,
    client_id: challenge.clientId,
    prompt_none: challenge.promptNone,
    reauthenticate: challenge.reauthenticate,
    asks_granted_scopes: true,
  })
}

/**
 * PUT login/accept: the user who signed in. Accepting again for the same user returns the same answer; for another
 * user, the request continues under a separate verifier. A sign-in that is too old for a request that requires a new
 * one is 400 with `"reason":"sign_in_too_old"`.
 */
export async function acceptLogin(to: SignInDependencies, request: HttpRequest): Promise<HttpReply> {
  const text = queryParameter(request, 'challenge')
  if (text === undefined) return invalidRequest('challenge: is missing')
  const body = readJson(request, loginAcceptSchema)
  if (!body.ok) return body.reply
  const challenge = await to.challenges.find('login', text)
  if (!challenge) return notFound()
  if (challenge.reauthenticate && isTooOld(body.value.auth_time, challenge.createdAt)) return SIGN_IN_TOO_OLD
  const { granted_scopes: grantedScopes = [], ...owner } = body.value
  const outcome = { kind: 'signed_in', subject: owner.subject, authTime: owner.auth_time, grantedScopes } as const
  const kept = await to.owners.putWith(owner, (tx) => to.challenges.answer('login', text, outcome, tx))
  return kept === 'barred' ? barredUser() : redirectAnswer(to, 'login', kept, challenge.clientId)
}

/** PUT login/reject: no user signed in. */
export async function rejectLogin(to: SignInDependencies, request: HttpRequest): Promise<HttpReply> {
  return reject(to, 'login', request)
}

/** PUT login/reject and consent/reject. The error must be one that an authorization response allows. */
export async function reject(
  to: SignInDependencies,
  kind: 'login' | 'consent',
  request: HttpRequest,
): Promise<HttpReply> {
  const text = queryParameter(request, 'challenge')
  if (text === undefined) return invalidRequest('challenge: is missing')
  const body = readJson(request, rejectSchema)
  if (!body.ok) return body.reply
  if (!REFUSALS.has(body.value.error)) return invalidRequest(`error: must be one of ${[...REFUSALS].join(', ')}`)
  const { error, error_description: description } = body.value
  const outcome = { kind: 'rejected', error, description } as const
  return redirectAnswer(to, kind, await to.challenges.answer(kind, text, outcome, to.database))
}

/** The answer of every accept and reject: 404 when the challenge is unknown or expired. */
export function redirectAnswer(
  to: SignInDependencies,
  kind: 'login' | 'consent',
  challenge: string | undefined,
  clientId = '',
): HttpReply {
  return challenge === undefined ? notFound() : json(200, { redirect_to: to.redirectTo(kind, challenge, clientId) })
}

function isTooOld(authTime: number, requestedAt: number): boolean {
  return authTime < requestedAt - SKEW || !isFreshSignIn(authTime, Date.now() / 1_000 - SKEW)
}
