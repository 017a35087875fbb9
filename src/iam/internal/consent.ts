import type { AuthorizationServer } from '../../authorization-server/index.ts'
import { consentAcceptSchema } from '../../handoff/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import { plainText } from '../challenges/flow-parameters.ts'
import { invalidRequest, json, notFound, queryParameter, readJson } from './answer.ts'
import { redirectAnswer, reject, type SignInDependencies } from './sign-in.ts'

/** What the consent part of the internal API depends on. */
export interface ConsentDependencies extends SignInDependencies {
  readonly core: AuthorizationServer
}

/**
 * GET consent: the data for the consent page. `skip` is always false, because trusted applications and earlier consent
 * never lead to a challenge.
 */
export async function showConsent(to: ConsentDependencies, request: HttpRequest): Promise<HttpReply> {
  const text = queryParameter(request, 'consent_challenge')
  if (text === undefined) return invalidRequest('consent_challenge: is missing')
  const challenge = await to.challenges.find('consent', text)
  const application = challenge && (await to.core.applications.find(challenge.clientId))
  if (!challenge || !application) return notFound()
  return json(200, {
    challenge: text,
    skip: false,
    subject: challenge.subject,
    requested_scope: challenge.scopes,
    client: {
      client_id: application.client_id,
      client_name: application.name,
      redirect_uri: plainText(challenge.parameters['redirect_uri']),
    },
  })
}

/**
 * PUT consent/accept: grants every requested scope, by the user who signed in. May be repeated, also after a refusal.
 */
export async function acceptConsent(to: ConsentDependencies, request: HttpRequest): Promise<HttpReply> {
  const text = queryParameter(request, 'challenge')
  if (text === undefined) return invalidRequest('challenge: is missing')
  const body = readJson(request, consentAcceptSchema)
  if (!body.ok) return body.reply
  const challenge = await to.challenges.find('consent', text)
  if (!challenge) return notFound()
  if (body.value.subject !== challenge.subject) return invalidRequest('subject: is not the user who signed in')
  if (!isExactly(body.value.grant_scope, challenge.scopes)) {
    return invalidRequest('grant_scope: must be the requested scopes, all of them and no other')
  }
  const answered = await to.challenges.answer('consent', text, { kind: 'consented' }, to.database)
  return redirectAnswer(to, 'consent', answered, challenge.clientId)
}

/** PUT consent/reject: the user refused. With `login_required` another user has signed in, and sign-in starts again. */
export async function rejectConsent(to: ConsentDependencies, request: HttpRequest): Promise<HttpReply> {
  return reject(to, 'consent', request)
}

function isExactly(granted: readonly string[], requested: readonly string[]): boolean {
  const wanted = new Set(requested)
  return granted.length === wanted.size && new Set(granted).size === wanted.size && granted.every((s) => wanted.has(s))
}
