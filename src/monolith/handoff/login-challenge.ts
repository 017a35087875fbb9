import { createHash } from 'node:crypto'
import type { ResourceOwner } from '../../authorization-server/index.ts'
import type { HttpReply } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import type { Visit } from '../browser/visit.ts'
import type { SharedGrants } from '../grants/shared-grants.ts'
import type { IamAnswer, IamClient, LoginRequest } from '../iam-client/iam-client.ts'
import { forgottenRequest, onward, signedInForNothing, unavailablePage } from './answers.ts'

/** What a sign-in page with a login challenge does before the user enters anything. */
export type LoginStep = 'accept' | 'reject' | 'end_session_and_ask' | 'ask'

/**
 * Decides on a login challenge (OpenID Connect Core §3.1.2.1). `hasSignedInForThis`: the user has already signed in for
 * this challenge, and only the return to IAM failed.
 */
export function decideLogin(
  request: Pick<LoginRequest, 'prompt_none' | 'reauthenticate'>,
  isSignedIn: boolean,
  hasSignedInForThis: boolean,
): LoginStep {
  if (isSignedIn && (!request.reauthenticate || hasSignedInForThis)) return 'accept'
  if (request.prompt_none) return 'reject'
  return isSignedIn ? 'end_session_and_ask' : 'ask'
}

/** The number of recent challenges that a browser's session remembers, so that tabs do not displace each other. */
const REMEMBERED = 8

/** Records that this session's user signed in for a challenge. */
export function rememberSignInFor(visit: Visit, challenge: string): void {
  const earlier = visit.session.data.signedInFor ?? []
  visit.session.set('signedInFor', [...earlier, digest(challenge)].slice(-REMEMBERED))
}

/** The pages' side of IAM's login challenges. Each page carries its own challenge, so any number may be open. */
export interface LoginChallenges {
  /** For GET: an answer that ends the visit, or `ask` when the form is to be shown. */
  begin(visit: Visit, challenge: string): Promise<HttpReply | LoginStep>
  /** Reports the signed-in user to IAM and sends the browser back there. */
  accept(visit: Visit, challenge: string, owner: ResourceOwner): Promise<HttpReply>
}

/** Creates {@link LoginChallenges} over IAM's internal API. */
export function createLoginChallenges(iam: IamClient, grants: SharedGrants, log: Log): LoginChallenges {
  /** `request` is IAM's description of the challenge. */
  const accept = async (
    challenge: string,
    owner: ResourceOwner,
    request: IamAnswer<LoginRequest>,
  ): Promise<IamAnswer<string>> => {
    if (request.kind === 'unavailable') return request
    const { client_id, asks_granted_scopes } = request.kind === 'ok' ? request.value : {}
    // IAM must not use consent that its user has revoked here.
    if (!(await grants.settle(owner.id, client_id)))
      return { kind: 'unavailable', reason: 'a revocation is not confirmed' }
    const vouches = client_id !== undefined && asks_granted_scopes === true
    const granted = vouches ? await grants.grantedHere(owner.id, client_id) : undefined
    return iam.acceptLogin(challenge, owner, granted)
  }
  const told = (answer: IamAnswer<string>): IamAnswer<string> => {
    if ('reason' in answer) log.warn({ reason: answer.reason }, 'login: IAM rejected the response')
    return answer
  }
  return {
    async accept(visit, challenge, owner) {
      const answer = told(await accept(challenge, owner, await iam.loginRequest(challenge)))
      return answer.kind === 'gone' ? signedInForNothing(visit) : onward(visit, answer, retryAddress(challenge))
    },
    async begin(visit, challenge) {
      const found = await iam.loginRequest(challenge)
      if (found.kind === 'gone') return forgottenRequest(visit)
      if (found.kind !== 'ok') {
        log.warn({ reason: found.reason }, 'login: IAM did not answer')
        return unavailablePage(visit, retryAddress(challenge))
      }
      const { owner } = visit
      const hasSignedInForThis = visit.session.data.signedInFor?.includes(digest(challenge)) ?? false
      const step = decideLogin(found.value, owner !== undefined, hasSignedInForThis)
      if (step === 'accept' && owner) {
        const answer = told(await accept(challenge, owner, found))
        // The user did sign in for this challenge, but too long ago for the application.
        return answer.kind === 'sign_in_too_old'
          ? 'end_session_and_ask'
          : onward(visit, answer, retryAddress(challenge))
      }
      if (step !== 'reject') return step
      const description = 'The authorization server requires end-user authentication'
      return onward(visit, await iam.rejectLogin(challenge, 'login_required', description), retryAddress(challenge))
    },
  }
}

function retryAddress(challenge: string): string {
  return `/users/sign_in?login_challenge=${encodeURIComponent(challenge)}`
}

function digest(challenge: string): string {
  return createHash('sha256').update(challenge).digest('base64url').slice(0, 22)
}
