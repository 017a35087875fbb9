import {
  holdsReservedParameter,
  isRedirectUriAmong,
  isRedirectUriExactlyAmong,
  OUT_OF_BAND,
} from '../clients/redirect-uri.ts'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { areScopesValid, defaultScopesOf, parseScopes, scopesAllowed } from '../core/scopes.ts'
import type { ResolvedSettings } from '../core/settings.ts'
import type { Client } from '../model/client.ts'
import { CHALLENGE_METHODS } from '../model/pkce.ts'
import type { Parameters } from '../parameters/value.ts'
import { isStorable, presence, scalarOf } from '../parameters/value.ts'
import { type Failure, failure, missingParameter, refusedByPolicy, wordedFailure } from '../responses/failure.ts'
import { issOf } from './answers.ts'
import type { AuthorizationError, PreAuthorization, ResponseMode } from './authorization-request.ts'

interface Facts {
  readonly clientId: string | undefined
  readonly client: Client | undefined
  readonly redirectUri: string | undefined
  readonly responseType: string | undefined
  readonly responseMode: string | undefined
  readonly scope: string
  readonly codeChallenge: string | undefined
  readonly codeChallengeMethod: string | undefined
  readonly nonce: string | undefined
  readonly settings: ResolvedSettings
}

const RESPONSE_MODES: ReadonlySet<string> = new Set<ResponseMode>(['query', 'fragment', 'form_post'])

/** RFC 6749 §4.1.1 and RFC 7636 §4.3, in Doorkeeper's order. */
const CHECKS: ReadonlyArray<Check<Facts>> = [
  ({ clientId }) => (clientId === undefined ? missingParameter('client_id') : undefined),
  ({ client }) => (client === undefined ? failure('invalid_client') : undefined),
  ({ client, redirectUri, settings }) =>
    isAddressOf(client, redirectUri) ? undefined : wordedFailure('invalid_redirect_uri', settings.compatibility),
  ({ responseType }) => (responseType === undefined ? missingParameter('response_type') : undefined),
  ({ responseType }) => (responseType === 'code' ? undefined : failure('unsupported_response_type')),
  ({ responseMode }) =>
    responseMode === undefined || RESPONSE_MODES.has(responseMode) ? undefined : failure('unsupported_response_mode'),
  ({ scope, client, settings }) =>
    areScopesValid(scope, scopesAllowed(client?.scopes ?? [], settings.serverScopes))
      ? undefined
      : failure('invalid_scope'),
  ({ codeChallenge, client }) =>
    codeChallenge === undefined && client && needsPkce(client) ? refusedByPolicy('pkce_required') : undefined,
  ({ codeChallenge, codeChallengeMethod, client }) =>
    codeChallenge !== undefined && client?.policy.plain_pkce === 'refuse' && codeChallengeMethod !== 'S256'
      ? refusedByPolicy('plain_refused')
      : undefined,
  ({ codeChallenge, codeChallengeMethod, settings }) =>
    codeChallenge === undefined || CHALLENGE_METHODS.includes(codeChallengeMethod ?? '')
      ? undefined
      : wordedFailure('invalid_code_challenge_method', settings.compatibility),
  ({ nonce, codeChallenge }) =>
    isStorable(nonce ?? '') && isStorable(codeChallenge ?? '') ? undefined : failure('invalid_request'),
]

/** Validates an authorization request; a valid one is returned as plain data. */
export async function preAuthorize(core: Core, parameters: Parameters): Promise<PreAuthorization> {
  const clientId = presence(scalarOf(parameters, 'client_id'))
  const client = clientId === undefined ? undefined : await core.clients.find(clientId)
  const facts: Facts = {
    clientId,
    client,
    redirectUri: presence(scalarOf(parameters, 'redirect_uri')),
    responseType: presence(scalarOf(parameters, 'response_type')),
    responseMode: presence(scalarOf(parameters, 'response_mode')),
    scope: presence(scalarOf(parameters, 'scope')) ?? defaultScopeText(core, client),
    codeChallenge: presence(scalarOf(parameters, 'code_challenge')),
    codeChallengeMethod: presence(scalarOf(parameters, 'code_challenge_method')),
    nonce: presence(scalarOf(parameters, 'nonce')),
    settings: core.settings,
  }
  const state = scalarOf(parameters, 'state')
  const failed = firstFailure(CHECKS, facts)
  if (failed !== undefined) return { ok: false, error: errorOf(core, failed, facts, state) }
  return {
    ok: true,
    request: {
      client: client as Client,
      redirectUri: facts.redirectUri as string,
      responseType: 'code',
      responseMode: modeOf(facts),
      scopes: parseScopes(facts.scope),
      scope: facts.scope,
      state,
      nonce: scalarOf(parameters, 'nonce'),
      codeChallenge: scalarOf(parameters, 'code_challenge'),
      codeChallengeMethod: scalarOf(parameters, 'code_challenge_method'),
    },
  }
}

/** Whether an address belongs to the client under the rules of its policy. */
function isAddressOf(client: Client | undefined, address: string | undefined): boolean {
  if (client === undefined || address === undefined) return false
  const { redirect_match: match, reserved_in_redirect: reserved } = client.policy
  const isAmong = match === 'exact' ? isRedirectUriExactlyAmong : isRedirectUriAmong
  return isAmong(address, client.redirectUris) && !(reserved === 'refuse' && holdsReservedParameter(address))
}

/** RFC 9700 §2.1.1. */
function needsPkce({ policy, confidential }: Client): boolean {
  return policy.require_pkce === 'all' || (policy.require_pkce === 'public' && !confidential)
}

function defaultScopeText(core: Core, client: Client | undefined): string {
  return defaultScopesOf(client?.scopes ?? [], core.settings.defaultScopes).join(' ')
}

function modeOf(facts: Facts): ResponseMode | undefined {
  return RESPONSE_MODES.has(facts.responseMode ?? '') ? (facts.responseMode as ResponseMode) : undefined
}

/** The error goes to the client only when the address is proven to be the client's (RFC 6749 §4.1.2.1). */
function errorOf(core: Core, failed: Failure, facts: Facts, state: string | undefined): AuthorizationError {
  const { client, redirectUri } = facts
  const isProven = redirectUri !== OUT_OF_BAND && isAddressOf(client, redirectUri)
  return {
    error: failed.error,
    description: failed.description,
    status: failed.status,
    state,
    redirectUri: isProven ? redirectUri : undefined,
    responseMode: modeOf(facts),
    iss: client && issOf(core, client),
  }
}
