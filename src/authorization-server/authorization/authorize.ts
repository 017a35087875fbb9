import { randomUUID } from 'node:crypto'
import type { HttpReply } from '../../http/index.ts'
import type { AuthorizationRequest, AuthorizationStep, Parameters } from '../contract.ts'
import type { Core } from '../core.ts'
import { failure } from '../failure.ts'
import { encodeFormComponent } from '../parameters/decode.ts'
import { presence } from '../parameters/value.ts'
import type { Client, ResourceOwner } from '../ports.ts'
import { OUT_OF_BAND } from '../redirect-uri.ts'
import { redirectReply } from '../replies.ts'
import { parseScopes, sameScopes } from '../scopes.ts'
import { answerClient, errorFor, errorPage, errorReply, issOf, promptErrorReply } from './answers.ts'
import { preAuthorize } from './pre-authorize.ts'
import { hasPrompt, promptOutcome } from './prompts.ts'

/** GET /oauth/authorize up to the consent page; see `AuthorizationServer.begin`. */
export async function beginAuthorization(
  core: Core,
  parameters: Parameters,
  owner: ResourceOwner | undefined,
  signInAddress?: string,
): Promise<AuthorizationStep> {
  // Logged out, only a prompt can make a difference before signing in (README of the recording, 3).
  if (owner === undefined && !hasPrompt(parameters)) return { kind: 'sign_in' }
  const checked = await preAuthorize(core, parameters)
  if (!checked.ok) return owner ? { kind: 'reply', reply: errorPage(core, checked.error) } : { kind: 'sign_in' }
  const { request } = checked
  const matches = owner !== undefined && (await hasMatchingToken(core, request.client, owner.id, request.scopes))
  if (request.scopes.includes('openid')) {
    const isConsentGiven = request.client.trusted || matches
    const now = Math.floor(Date.now() / 1_000)
    const outcome = promptOutcome(parameters, owner, isConsentGiven, { now, dialect: core.settings.dialect })
    if (outcome.kind === 'error') {
      const address = owner === undefined ? signInAddress : undefined
      return { kind: 'reply', reply: promptErrorReply(core, request, outcome.error, address) }
    }
    if (outcome.kind === 'consent') return { kind: 'consent', request }
    if (outcome.kind !== 'proceed') return outcome
  }
  if (owner === undefined) return { kind: 'sign_in' }
  const skips = request.client.trusted || (matches && request.client.confidential)
  return { kind: skips ? 'issue' : 'consent', request }
}

/** POST /oauth/authorize: the form is believed no more than the query was (README, 12). */
export async function approveAuthorization(
  core: Core,
  parameters: Parameters,
  owner: ResourceOwner,
  origin: string,
): Promise<HttpReply> {
  const checked = await preAuthorize(core, parameters)
  return checked.ok ? issueCode(core, checked.request, owner, origin) : errorReply(core, checked.error)
}

/** DELETE /oauth/authorize: access_denied, but only to an address that is the client's (not C007 and C008). */
export async function denyAuthorization(core: Core, parameters: Parameters): Promise<HttpReply> {
  const checked = await preAuthorize(core, parameters)
  if (checked.ok) return refuseAuthorization(core, checked.request)
  if (checked.error.redirectUri === undefined) return errorReply(core, checked.error)
  const { error, description, status } = failure('access_denied')
  return errorReply(core, { ...checked.error, error, description, status })
}

/** The answer that tells the client the user refused, or what `told` says (RFC 6749 §4.1.2.1). */
export function refuseAuthorization(
  core: Core,
  request: AuthorizationRequest,
  told?: { readonly error: string; readonly description: string },
): HttpReply {
  return errorReply(core, { ...errorFor(core, request, 'access_denied'), ...told })
}

/** Stores a code and sends it to the client, or to the page that shows it (RFC 6749 §4.1.2; README, 15). */
export async function issueCode(
  core: Core,
  request: AuthorizationRequest,
  owner: ResourceOwner,
  origin: string,
): Promise<HttpReply> {
  const code = core.mint.authorizationCode()
  const codeChallenge = presence(request.codeChallenge)
  await core.grants.insert(code, {
    applicationId: request.client.id,
    subject: owner.id,
    scopes: request.scopes.join(' '),
    redirectUri: request.redirectUri,
    codeChallenge: codeChallenge ?? null,
    codeChallengeMethod: codeChallenge === undefined ? null : (request.codeChallengeMethod ?? null),
    nonce: presence(request.nonce) ?? null,
    familyId: randomUUID(),
    createdAt: Date.now(),
    expiresIn: core.settings.codeLifetime,
  })
  if (request.redirectUri === OUT_OF_BAND) {
    return redirectReply(`${origin}/oauth/authorize/native?code=${encodeFormComponent(code)}`)
  }
  const isMisplaced = request.responseMode === 'fragment' && !core.settings.dialect.codeInFragment
  const responseMode = isMisplaced ? undefined : request.responseMode
  const destination = { redirectUri: request.redirectUri, responseMode, iss: issOf(core, request.client) }
  return answerClient(core, destination, { code, state: request.state })
}

/** Whether an unrevoked token has exactly these scopes; one that expired still counts (README, 6). */
export async function hasMatchingToken(
  core: Core,
  client: Client,
  ownerId: string,
  scopes: readonly string[],
): Promise<boolean> {
  const granted = await core.tokens.grantedScopes(client.id, ownerId)
  return granted.some((text) => sameScopes(parseScopes(text), scopes))
}
