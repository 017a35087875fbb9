import { publicError } from '../../authorization-server/index.ts'
import type { ConsentRequest } from '../../handoff/index.ts'
import type { HttpReply } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import { askToSignIn, messagePage, page } from '../browser/answers.ts'
import { csrfToken } from '../browser/csrf.ts'
import type { Pages } from '../browser/routes.ts'
import type { SignedInVisit, Visit } from '../browser/visit.ts'
import type { SharedGrants } from '../grants/shared-grants.ts'
import { forgottenRequest, onward, unavailablePage } from '../handoff/answers.ts'
import type { IamClient } from '../iam-client/iam-client.ts'
import { consentBody } from '../pages/consent.ts'
import { textOf } from '../text-parameters.ts'

const PATH = '/-/iam/consent'
const NO_CHALLENGE = {
  heading: 'Nothing to authorize',
  text: 'This page shows what an application asks for. Start from the application.',
}

/** What the pages depend on; without IAM they do not exist. */
export interface ConsentPagesOptions {
  readonly iam: IamClient | undefined
  readonly grants: SharedGrants
  readonly log: Log
}

/** The consent page for IAM: the same page as the monolith's own, with the answer sent to IAM. */
export function consentPages({ iam, grants, log }: ConsentPagesOptions): Pages {
  const withRequest =
    (answer: (visit: SignedInVisit, iam: IamClient, request: ConsentRequest) => Promise<HttpReply> | HttpReply) =>
    async (visit: Visit): Promise<HttpReply> => {
      if (!iam) return publicError(404, visit.request)
      const challenge = textOf(visit.parameters['consent_challenge']) ?? ''
      if (challenge === '') return messagePage(visit, 400, NO_CHALLENGE)
      const { owner } = visit
      if (!owner) return askToSignIn(visit, addressOf(challenge))
      // Fetched every time: nothing is cached that could be lost between the page and the answer.
      const found = await iam.consentRequest(challenge)
      if (found.kind === 'gone') return forgottenRequest(visit)
      if (found.kind !== 'ok') {
        log.warn({ reason: found.reason }, 'consent: IAM did not answer')
        return unavailablePage(visit, addressOf(challenge))
      }
      if (found.value.subject !== owner.id) return forAnotherUser({ ...visit, owner }, iam, challenge)
      return answer({ ...visit, owner }, iam, found.value)
    }
  const accept = withRequest(async (visit, client, request) => {
    const answer = await client.acceptConsent(request)
    if (answer.kind === 'ok') {
      const { client_id, client_name } = request.client
      await grants.consented(visit.owner.id, { client_id, client_name, scope: request.requested_scope.join(' ') })
    }
    return onward(visit, answer, addressOf(request.challenge))
  })
  return {
    [`GET ${PATH}`]: withRequest(async (visit, client, request) =>
      request.skip
        ? onward(visit, await client.acceptConsent(request), addressOf(request.challenge))
        : showConsent(visit, request),
    ),
    [`POST ${PATH}`]: accept,
    [`POST ${PATH}/accept`]: accept,
    [`POST ${PATH}/reject`]: withRequest(async (visit, client, { challenge }) =>
      onward(
        visit,
        await client.rejectConsent(
          challenge,
          'access_denied',
          'The resource owner or authorization server denied the request.',
        ),
        addressOf(challenge),
      ),
    ),
  }
}

/**
 * The page belongs to another user, who has signed out since, or its address was never meant for this user. It shows
 * nothing of the request and consents to nothing in the other user's name. To continue, the user has IAM start the
 * request again, which IAM does only in the browser that started it.
 */
async function forAnotherUser(visit: SignedInVisit, iam: IamClient, challenge: string): Promise<HttpReply> {
  if (visit.method === 'GET' && textOf(visit.parameters['continue']) === 'true') {
    const answer = await iam.rejectConsent(challenge, 'login_required', 'Another user has signed in.')
    return onward(visit, answer, addressOf(challenge))
  }
  const { username } = visit.owner
  return messagePage(visit, 400, {
    heading: 'This request is for another user',
    text: `You are signed in as ${username}, but someone else started this request. Nothing was authorized.`,
    link: { href: `${addressOf(challenge)}&continue=true`, label: `Continue as ${username}` },
  })
}

function showConsent(visit: Visit, request: ConsentRequest): HttpReply {
  const fields = [['consent_challenge', request.challenge]] as const
  return page(visit, {
    title: 'Authorization required',
    leadsTo: [request.client.redirect_uri],
    body: consentBody({
      clientName: request.client.client_name,
      scopes: request.requested_scope,
      csrfToken: csrfToken(visit.session),
      approve: { action: `${PATH}/accept`, fields },
      deny: { action: `${PATH}/reject`, fields },
    }),
  })
}

function addressOf(challenge: string): string {
  return `${PATH}?consent_challenge=${encodeURIComponent(challenge)}`
}
