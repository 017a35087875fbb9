import type { HttpReply } from '../../http/index.ts'
import { appendToRedirectUri, OUT_OF_BAND } from '../clients/redirect-uri.ts'
import type { Core } from '../core/core.ts'
import type { Client } from '../model/client.ts'
import { presence } from '../parameters/value.ts'
import { errorHeaders, failure } from '../responses/failure.ts'
import { authorizationErrorBody, FORM_POST_SCRIPT_SOURCE, formPostBody } from '../responses/pages.ts'
import { type Headers, jsonReply, pageReply, redirectReply } from '../responses/replies.ts'
import type { AuthorizationError, AuthorizationRequest } from './authorization-request.ts'

type Fields = Readonly<Record<string, string | undefined>>

/** A proven redirect address and the response mode to use. */
interface Destination extends Pick<AuthorizationRequest, 'redirectUri' | 'responseMode'> {
  readonly iss: string | undefined
}

/**
 * Sends fields, and the issuer when the destination has one, to a proven address in the requested response mode
 * (default: query; OAuth 2.0 Multiple Response Types §2.1, RFC 9207 §2).
 */
export function answerClient(
  core: Core,
  { redirectUri: address, responseMode: mode, iss }: Destination,
  answer: Fields,
  headers: Headers = [],
): HttpReply {
  const fields = { ...answer, iss }
  if (mode === 'form_post') {
    const present = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined)
    const body = formPostBody(address, Object.fromEntries(present))
    const policy = `script-src ${FORM_POST_SCRIPT_SOURCE}; base-uri 'none'; frame-ancestors 'self'`
    return pageReply(200, core.layout({ title: 'Submit this form', body }), [['Content-Security-Policy', policy]])
  }
  return redirectReply(appendToRedirectUri(address, fields, mode === 'fragment' ? 'fragment' : 'query'), headers)
}

/** An error as POST and DELETE answer it: sent to the client, or as JSON (docs/doorkeeper.md, 2). */
export function errorReply(core: Core, error: AuthorizationError): HttpReply {
  const fields = fieldsOf(error)
  const { redirectUri } = error
  if (redirectUri === undefined) return jsonReply(error.status, fields)
  return answerClient(core, { ...error, redirectUri }, fields)
}

/** An error as GET answers it: an HTML page, never a redirect (docs/doorkeeper.md, 1). */
export function errorPage(core: Core, error: AuthorizationError): HttpReply {
  const status = core.settings.compatibility.authorizationErrorStatus ? error.status : 200
  const body = authorizationErrorBody(error.description)
  return pageReply(status, core.layout({ title: 'An error has occurred', body }))
}

/**
 * An OpenID Connect error, sent to the client with the headers of a token error. Without a redirect address it is JSON,
 * which names the sign-in page when no one is signed in (docs/doorkeeper.md, 4; A157).
 */
export function promptErrorReply(
  core: Core,
  request: AuthorizationRequest,
  code: 'login_required' | 'consent_required' | 'invalid_request',
  signInAddress: string | undefined,
): HttpReply {
  const error = errorFor(core, request, code)
  const { redirectUri } = error
  const fields = fieldsOf(error)
  const headers = errorHeaders(error.error, error.description, core.settings.compatibility)
  if (redirectUri === undefined) {
    if (signInAddress !== undefined) headers.push(['Location', signInAddress])
    return jsonReply(error.status, fields, headers)
  }
  return answerClient(core, { ...error, redirectUri }, fields, [
    ['Content-Type', 'application/json; charset=utf-8'],
    ...headers,
  ])
}

/** The error for a valid request that the user or the user's session prevents from succeeding. */
export function errorFor(
  core: Core,
  request: AuthorizationRequest,
  code: 'access_denied' | 'login_required' | 'consent_required' | 'invalid_request',
): AuthorizationError {
  const { error, description, status } = failure(code)
  return {
    error,
    description,
    status,
    state: request.state,
    redirectUri: request.redirectUri === OUT_OF_BAND ? undefined : request.redirectUri,
    responseMode: request.responseMode,
    iss: issOf(core, request.client),
  }
}

/** The value of `iss` in answers to this client; undefined when the client's policy omits it (RFC 9207). */
export function issOf(core: Core, client: Client): string | undefined {
  return client.policy.response_iss === 'send' ? core.settings.issuer : undefined
}

function fieldsOf(error: AuthorizationError): Fields {
  return { error: error.error, error_description: error.description, state: presence(error.state) }
}
