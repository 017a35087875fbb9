import { type ClientCredentials, isAuthentic } from '../clients/client-authentication.ts'
import type { Core } from '../core/core.ts'
import type { Caller } from '../limits/request-limits.ts'
import type { Client } from '../model/client.ts'
import type { GrantEvent } from '../model/grant-event.ts'
import type { ResourceOwner } from '../model/resource-owner.ts'
import type { Parameters } from '../parameters/value.ts'
import type { Failure } from '../responses/failure.ts'
import type { NewPair } from '../store/tokens.ts'

/** A request to the token endpoint, as every grant type receives it. */
export interface TokenRequest {
  readonly parameters: Parameters
  readonly credentials: ClientCredentials | undefined
  /** The client, when its credentials are right. */
  readonly client: Client | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The network the request came from. */
  readonly network: string
}

/** The result of a successful grant. */
export interface Issued {
  readonly grantType: GrantEvent['grantType']
  readonly pair: NewPair
  readonly scopes: readonly string[]
  readonly client: Client | undefined
  /** The user for the ID token; undefined when none is due. */
  readonly owner: ResourceOwner | undefined
  readonly nonce: string | undefined
}

export type GrantOutcome =
  | { readonly ok: true; readonly issued: Issued }
  | { readonly ok: false; readonly failure: Failure }

/** Handles requests of one grant type. */
export type GrantType = (core: Core, request: TokenRequest) => Promise<GrantOutcome>

/** The outcome for a violated rule. */
export function refused(failure: Failure): GrantOutcome {
  return { ok: false, failure }
}

/** The client with these credentials; undefined when it is unknown or the secret is wrong. */
export async function authenticate(
  core: Core,
  credentials: ClientCredentials | undefined,
  caller: Caller,
): Promise<Client | undefined> {
  if (credentials === undefined) return undefined
  const client = await core.clients.find(credentials.clientId)
  if (client === undefined) return undefined
  if (isAuthentic(client, credentials.secret)) {
    caller.isProven = client.confidential
    return client
  }
  if (credentials.secret !== undefined) core.limits.wrongSecret(caller, credentials)
  return undefined
}

/** What a pair is issued for. */
export interface PairPurpose {
  readonly subject: string | undefined
  readonly client: Client | undefined
  readonly scopes: readonly string[]
  readonly now: number
  readonly refreshable: boolean
}

/** Generates the credentials of a pair without storing them. */
export async function issuePair(core: Core, purpose: PairPurpose): Promise<NewPair> {
  const lifetime = core.settings.accessTokenLifetime
  const accessToken = await core.tokenIssuer.accessToken({
    subject: purpose.subject,
    client: purpose.client,
    scopes: purpose.scopes,
    lifetime,
    issuedAt: Math.floor(purpose.now / 1_000),
  })
  const refreshToken = purpose.refreshable ? core.tokenIssuer.refreshToken() : undefined
  return { accessToken, refreshToken, now: purpose.now, lifetime }
}

/** The user for an ID token, only with the openid scope. Call it before the credential is consumed. */
export async function ownerForIdToken(
  core: Core,
  scopes: readonly string[],
  subject: string | null,
): Promise<ResourceOwner | undefined> {
  return subject !== null && scopes.includes('openid') ? core.owners.find(subject) : undefined
}
