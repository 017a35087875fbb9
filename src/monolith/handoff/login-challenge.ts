import { createHash } from 'node:crypto'
import type { ResourceOwner } from '../../authorization-server/index.ts'
import type { HttpReply } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import type { Visit } from '../browser/visit.ts'
import { onward, staleRequestPage, unavailablePage } from './answers.ts'
import type { IamClient, LoginRequest } from './iam-client.ts'

/** What a sign-in page that carries a login challenge should do, before anybody has typed anything. */
export type LoginStep = 'accept' | 'reject' | 'end_session_and_ask' | 'ask'

/**
 * Decides a login challenge (OpenID Connect Core §3.1.2.1). `hasSignedInForThis`: the user has signed in with this very
 * challenge before, and only the way back failed.
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

/** Each browser remembers its last few challenges, so that tabs do not push one another out. */
const REMEMBERED = 8

/** Remembers that this session's user signed in for a challenge. */
export function rememberSignInFor(visit: Visit, challenge: string): void {
  const earlier = visit.session.data.signedInFor ?? []
  visit.session.set('signedInFor', [...earlier, digest(challenge)].slice(-REMEMBERED))
}

/** The pages' side of IAM's login challenges. Each page carries its own challenge, so any number may be open. */
export interface LoginChallenges {
  /** For GET: an answer that ends the visit, or `ask` when the form shall be shown. */
  begin(visit: Visit, challenge: string): Promise<HttpReply | LoginStep>
  /** Tells IAM who has signed in and sends the browser back there. */
  accept(visit: Visit, challenge: string, owner: ResourceOwner): Promise<HttpReply>
}

/** See {@link LoginChallenges}. */
export function loginChallenges(iam: IamClient, log: Log): LoginChallenges {
  const accept = async (visit: Visit, challenge: string, owner: ResourceOwner) => {
    const answer = await iam.acceptLogin(challenge, owner)
    if (answer.kind === 'unavailable') log.warn({ reason: answer.reason }, 'login: IAM did not take the answer')
    return onward(visit, answer, retryAddress(challenge))
  }
  return {
    accept,
    async begin(visit, challenge) {
      const found = await iam.loginRequest(challenge)
      if (found.kind === 'gone') return staleRequestPage(visit)
      if (found.kind === 'unavailable') {
        log.warn({ reason: found.reason }, 'login: IAM did not answer')
        return unavailablePage(visit, retryAddress(challenge))
      }
      const { owner } = visit
      const hasSignedInForThis = visit.session.data.signedInFor?.includes(digest(challenge)) ?? false
      const step = decideLogin(found.value, owner !== undefined, hasSignedInForThis)
      if (step === 'accept' && owner) return accept(visit, challenge, owner)
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
