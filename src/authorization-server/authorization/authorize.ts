import { randomUUID } from 'node:crypto'
import type { HttpReply } from '../../http/index.ts'
import { OUT_OF_BAND } from '../clients/redirect-uri.ts'
import type { Core } from '../core/core.ts'
import { parseScopes, sameScopes } from '../core/scopes.ts'
import type { ResourceOwner } from '../model/resource-owner.ts'
import { encodeFormComponent } from '../parameters/encode.ts'
import type { Parameters } from '../parameters/value.ts'
import { presence } from '../parameters/value.ts'
import { failure } from '../responses/failure.ts'
import { redirectReply } from '../responses/replies.ts'
import { answerClient, errorFor, errorPage, errorReply, issOf, promptErrorReply } from './answers.ts'
import type { AuthorizationContext, AuthorizationRequest, AuthorizationStep } from './authorization-request.ts'
import { preAuthorize } from './pre-authorize.ts'
import { hasPrompt, promptOutcome } from './prompts.ts'

/** Handles GET /oauth/authorize up to the consent page; see `AuthorizationServer.begin`. */
export async function beginAuthorization(
  core: Core,
  parameters: Parameters,
  owner: ResourceOwner | undefined,
  context: AuthorizationContext = {},
): Promise<AuthorizationStep> {
  // Before sign-in, only a prompt can change the answer (docs/doorkeeper.md, 3).
  if (owner === undefined && !hasPrompt(parameters)) return { kind: 'sign_in' }
  const checked = await preAuthorize(core, parameters)
  if (!checked.ok) return owner ? { kind: 'reply', reply: errorPage(core, checked.error) } : { kind: 'sign_in' }
  const { request } = checked
  const { trusted, confidential } = request.client
  if (request.scopes.includes('openid')) {
    const now = Math.floor(Date.now() / 1_000)
    const decide = (isConsentGiven: boolean) =>
      promptOutcome(parameters, owner, isConsentGiven, { now, compatibility: core.settings.compatibility })
    let outcome = decide(trusted)
    if (outcome.kind === 'error' && outcome.error === 'consent_required') {
      outcome = decide(await isGranted(core, request, owner, context))
      // A public client needs consent every time; `outcome` already reflects earlier consent.
      if (outcome.kind === 'proceed') return { kind: confidential ? 'issue' : 'consent', request }
    }
    if (outcome.kind === 'error') {
      const address = owner === undefined ? context.signInAddress : undefined
      return { kind: 'reply', reply: promptErrorReply(core, request, outcome.error, address) }
    }
    if (outcome.kind === 'consent') return { kind: 'consent', request }
    if (outcome.kind !== 'proceed') return outcome
  }
  if (owner === undefined) return { kind: 'sign_in' }
  const skips = trusted || (confidential && (await isGranted(core, request, owner, context)))
  return { kind: skips ? 'issue' : 'consent', request }
}

/** POST /oauth/authorize: the form is validated again, like the query (docs/doorkeeper.md, 12). */
export async function approveAuthorization(
  core: Core,
  parameters: Parameters,
  owner: ResourceOwner,
  origin: string,
): Promise<HttpReply> {
  const checked = await preAuthorize(core, parameters)
  return checked.ok ? issueCode(core, checked.request, owner, origin) : errorReply(core, checked.error)
}

/** DELETE /oauth/authorize: sends access_denied, but only to an address of the client (unlike C007 and C008). */
export async function denyAuthorization(core: Core, parameters: Parameters): Promise<HttpReply> {
  const checked = await preAuthorize(core, parameters)
  if (checked.ok) return refuseAuthorization(core, checked.request)
  if (checked.error.redirectUri === undefined) return errorReply(core, checked.error)
  const { error, description, status } = failure('access_denied')
  return errorReply(core, { ...checked.error, error, description, status })
}

/** The answer that tells the client that the user refused, or the error in `told` (RFC 6749 §4.1.2.1). */
export function refuseAuthorization(
  core: Core,
  request: AuthorizationRequest,
  told?: { readonly error: string; readonly description: string },
): HttpReply {
  return errorReply(core, { ...errorFor(core, request, 'access_denied'), ...told })
}

/**
 * Stores a code and sends it to the client, or to the page that displays it (RFC 6749 §4.1.2; docs/doorkeeper.md, 15).
 */
export async function issueCode(
  core: Core,
  request: AuthorizationRequest,
  owner: ResourceOwner,
  origin: string,
): Promise<HttpReply> {
  const code = core.tokenIssuer.authorizationCode()
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
  const isMisplaced = request.responseMode === 'fragment' && !core.settings.compatibility.codeInFragment
  const responseMode = isMisplaced ? undefined : request.responseMode
  const destination = { redirectUri: request.redirectUri, responseMode, iss: issOf(core, request.client) }
  return answerClient(core, destination, { code, state: request.state })
}

/**
 * Whether the user has granted exactly these scopes to the client: through an unrevoked token, which may have expired
 * (docs/doorkeeper.md, 6), or elsewhere. Grants made elsewhere are looked up only when no token of this server decides.
 */
async function isGranted(
  core: Core,
  { client, scopes }: AuthorizationRequest,
  owner: ResourceOwner | undefined,
  { grantedElsewhere }: AuthorizationContext,
): Promise<boolean> {
  if (owner === undefined) return false
  const matches = (granted: readonly string[]) => granted.some((text) => sameScopes(parseScopes(text), scopes))
  if (matches(await core.tokens.grantedScopes(client.id, owner.id))) return true
  return grantedElsewhere !== undefined && matches(await grantedElsewhere(client, owner))
}
