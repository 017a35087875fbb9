import { publicError } from '../../authorization-server/index.ts'
import type { ConsentRequest } from '../../handoff/index.ts'
import type { HttpReply } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import { askToSignIn, page } from '../browser/answers.ts'
import { csrfToken } from '../browser/csrf.ts'
import type { Pages } from '../browser/routes.ts'
import { type SignedInVisit, textOf, type Visit } from '../browser/visit.ts'
import { consentBody } from '../pages/consent.ts'
import { onward, staleRequestPage, unavailablePage } from './answers.ts'
import type { IamClient } from './iam-client.ts'

const PATH = '/-/iam/consent'

/** What the pages need; without IAM they are not there. */
export interface ConsentPagesOptions {
  readonly iam: IamClient | undefined
  readonly log: Log
}

/** The consent page that IAM sends browsers to: the same page as the one in place, answered to IAM. */
export function consentPages({ iam, log }: ConsentPagesOptions): Pages {
  const withRequest =
    (answer: (visit: SignedInVisit, iam: IamClient, request: ConsentRequest) => Promise<HttpReply> | HttpReply) =>
    async (visit: Visit): Promise<HttpReply> => {
      if (!iam) return publicError(404, visit.request)
      const challenge = textOf(visit.parameters['consent_challenge']) ?? ''
      if (challenge === '') return staleRequestPage(visit)
      const { owner } = visit
      if (!owner) return askToSignIn(visit, addressOf(challenge))
      // Asked anew each time: nothing is cached that could be lost between the page and the answer.
      const found = await iam.consentRequest(challenge)
      if (found.kind === 'unavailable') {
        log.warn({ reason: found.reason }, 'consent: IAM did not answer')
        return unavailablePage(visit, addressOf(challenge))
      }
      if (found.kind === 'gone' || found.value.subject !== owner.id) return staleRequestPage(visit)
      return answer({ ...visit, owner }, iam, found.value)
    }
  const accept = withRequest(async (visit, client, request) =>
    onward(visit, await client.acceptConsent(request), addressOf(request.challenge)),
  )
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
