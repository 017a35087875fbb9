import { randomUUID } from 'node:crypto'
import type { ClientCredentials } from '../clients/client-authentication.ts'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { areScopesValid, defaultScopesOf, parseScopes, scopesAllowed } from '../core/scopes.ts'
import type { ResolvedSettings } from '../core/settings.ts'
import type { Client } from '../model/client.ts'
import type { ResourceOwner } from '../model/resource-owner.ts'
import type { Parameters } from '../parameters/value.ts'
import { isStorable, scalarOf, textOf } from '../parameters/value.ts'
import { failure } from '../responses/failure.ts'
import { type GrantOutcome, issuePair, refused, type TokenRequest } from './token-request.ts'

interface Facts {
  readonly client: Client | undefined
  readonly credentials: ClientCredentials | undefined
  readonly scopes: readonly string[]
  readonly settings: ResolvedSettings
}

/** RFC 6749 §4.3.2: before the user's password is checked. */
const CHECKS_BEFORE: ReadonlyArray<Check<Facts>> = [
  ({ client, credentials, settings }) =>
    client || (settings.passwordGrantWithoutClient && !credentials) ? undefined : failure('invalid_client'),
  ({ client, settings }) =>
    (client?.policy ?? settings.defaultPolicy).password_grant === 'refuse' ? failure('unauthorized_client') : undefined,
]

/**
 * After the password is checked: an empty scope is accepted when the client's own scopes exclude the default (F011).
 */
const CHECKS_AFTER: ReadonlyArray<Check<Facts>> = [
  ({ client, scopes, settings }) => {
    if (scopes.length === 0) return undefined
    const allowed = scopesAllowed(client?.scopes ?? [], settings.serverScopes)
    return areScopesValid(scopes.join(' '), allowed) ? undefined : failure('invalid_scope')
  },
]

/** Issues tokens for a user's name and password (RFC 6749 §4.3). */
export async function passwordGrant(core: Core, request: TokenRequest): Promise<GrantOutcome> {
  const { parameters, credentials, client, now } = request
  const scope = textOf(parameters, 'scope')
  const scopes =
    scope === undefined ? defaultScopesOf(client?.scopes ?? [], core.settings.defaultScopes) : parseScopes(scope)
  const facts: Facts = { client, credentials, scopes, settings: core.settings }
  const early = firstFailure(CHECKS_BEFORE, facts)
  if (early !== undefined) return refused(early)
  const owner = await ownerOf(core, parameters, request.network)
  if (owner === undefined) return refused(failure('invalid_grant'))
  const late = firstFailure(CHECKS_AFTER, facts)
  if (late !== undefined) return refused(late)
  const pair = await issuePair(core, { subject: owner.id, client, scopes, now, refreshable: true })
  await core.tokens.insert(pair, {
    familyId: randomUUID(),
    applicationId: client?.id ?? null,
    subject: owner.id,
    scopes: scopes.join(' '),
  })
  return {
    ok: true,
    issued: {
      grantType: 'password',
      pair,
      scopes,
      client,
      owner: scopes.includes('openid') ? owner : undefined,
      nonce: undefined,
    },
  }
}

async function ownerOf(core: Core, parameters: Parameters, network: string): Promise<ResourceOwner | undefined> {
  const username = scalarOf(parameters, 'username')
  const password = scalarOf(parameters, 'password')
  if (username === undefined || password === undefined || username === '' || password === '') return undefined
  return isStorable(username) && isStorable(password)
    ? core.owners.authenticate?.(username, password, network)
    : undefined
}
