import type { AuthorizationRequest, AuthorizationServer, Parameters } from '../../authorization-server/index.ts'
import type { HttpReply } from '../../http/index.ts'
import { askToSignIn, page } from '../browser/answers.ts'
import { csrfToken } from '../browser/csrf.ts'
import type { Pages } from '../browser/routes.ts'
import { addressOf, type Visit } from '../browser/visit.ts'
import type { SharedGrants } from '../grants/shared-grants.ts'
import { consentBody } from '../pages/consent.ts'
import type { SignedInSessions } from '../sessions/signed-in-sessions.ts'
import { textOf } from '../text-parameters.ts'
import { endSession } from './sign-in.ts'

const PATH = '/oauth/authorize'
/** The fields of the consent form, in order (A001). */
const FIELDS = [
  'client_id',
  'redirect_uri',
  'state',
  'response_type',
  'scope',
  'nonce',
  'code_challenge',
  'code_challenge_method',
] as const

/** GET, POST and DELETE /oauth/authorize, and the page that displays a code. */
export function authorizePages(core: AuthorizationServer, sessions: SignedInSessions, grants: SharedGrants): Pages {
  return {
    [`GET ${PATH}`]: (visit) => begin(visit, core, sessions, grants),
    [`POST ${PATH}`]: async (visit) =>
      visit.owner
        ? core.approve(visit.parameters, visit.owner, visit.request.origin)
        : askToSignIn(visit, addressAgain(visit.parameters)),
    [`DELETE ${PATH}`]: async (visit) =>
      visit.owner ? core.deny(visit.parameters) : askToSignIn(visit, addressAgain(visit.parameters)),
    [`GET ${PATH}/native`]: async (visit) =>
      visit.owner ? core.nativePage(visit.parameters) : askToSignIn(visit, addressOf(visit.request)),
  }
}

async function begin(
  visit: Visit,
  core: AuthorizationServer,
  sessions: SignedInSessions,
  { grantedElsewhere }: SharedGrants,
): Promise<HttpReply> {
  const step = await core.begin(visit.parameters, visit.owner, {
    signInAddress: `${visit.request.origin}/users/sign_in`,
    grantedElsewhere,
  })
  switch (step.kind) {
    case 'sign_in':
      return askToSignIn(visit, addressOf(visit.request))
    case 'reauthenticate':
      await endSession(visit, sessions)
      return askToSignIn(visit, `${PATH}?${step.returnQuery}`)
    case 'select_account':
      return askToSignIn(visit, `${PATH}?${step.returnQuery}`)
    case 'consent':
      return showConsent(visit, step.request)
    case 'issue':
      if (!visit.owner) throw new Error('a code requires a signed-in user')
      return core.issueCode(step.request, visit.owner, visit.request.origin)
    case 'reply':
      return step.reply
  }
}

function showConsent(visit: Visit, request: AuthorizationRequest): HttpReply {
  const values: Readonly<Record<(typeof FIELDS)[number], string>> = {
    client_id: request.client.clientId,
    redirect_uri: request.redirectUri,
    state: request.state ?? '',
    response_type: request.responseType,
    scope: request.scope,
    nonce: request.nonce ?? '',
    code_challenge: request.codeChallenge ?? '',
    code_challenge_method: request.codeChallengeMethod ?? '',
  }
  const fields = FIELDS.map((name) => [name, values[name]] as const)
  return page(visit, {
    title: 'Authorization required',
    leadsTo: [request.redirectUri],
    body: consentBody({
      clientName: request.client.name,
      scopes: request.scopes,
      csrfToken: csrfToken(visit.session),
      approve: { action: PATH, fields },
      deny: { action: PATH, override: 'delete', fields },
    }),
  })
}

/** The address of the consent page, for a user with a session that ended while the page was open. */
function addressAgain(parameters: Parameters): string {
  const query = new URLSearchParams()
  for (const name of FIELDS) {
    const value = textOf(parameters[name])
    if (value) query.set(name, value)
  }
  return `${PATH}?${query}`
}
