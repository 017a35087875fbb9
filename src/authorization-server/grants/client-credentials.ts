import { randomUUID } from 'node:crypto'
import { isSecretOf } from '../clients/client-authentication.ts'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { areScopesValid, defaultScopesOf, parseScopes, scopesAllowed } from '../core/scopes.ts'
import type { ResolvedSettings } from '../core/settings.ts'
import type { Client } from '../model/client.ts'
import { textOf } from '../parameters/value.ts'
import { failure } from '../responses/failure.ts'
import { type GrantOutcome, issuePair, refused, type TokenRequest } from './token-request.ts'

interface Facts {
  readonly client: Client | undefined
  readonly secret: string | undefined
  readonly scopes: readonly string[]
  readonly settings: ResolvedSettings
}

/** RFC 6749 §4.4.2. A public client must authenticate too: this grant rests on the secret alone (§4.4; unlike G009). */
const CHECKS: ReadonlyArray<Check<Facts>> = [
  ({ client }) => (client === undefined ? failure('invalid_client') : undefined),
  ({ client, secret }) =>
    client && !client.confidential && !isSecretOf(client, secret) ? failure('invalid_client') : undefined,
  ({ client, scopes, settings }) => {
    const own = client?.scopes ?? []
    if (scopes.length === 0 && (own.length === 0 || !settings.compatibility.emptyClientScopeRefused)) return undefined
    const allowed = scopesAllowed(own, settings.serverScopes)
    return areScopesValid(scopes.join(' '), allowed) ? undefined : failure('invalid_scope')
  },
]

/** Issues a token for the client itself, without a refresh token; with openid there is no user and so no ID token. */
export async function clientCredentialsGrant(core: Core, request: TokenRequest): Promise<GrantOutcome> {
  const { parameters, credentials, client, now } = request
  const scope = textOf(parameters, 'scope')
  const scopes = scope === undefined ? defaultsOf(core, client) : parseScopes(scope)
  const facts: Facts = { client, secret: credentials?.secret, scopes, settings: core.settings }
  const failed = firstFailure(CHECKS, facts)
  if (failed !== undefined) return refused(failed)
  const pair = await issuePair(core, { subject: undefined, client, scopes, now, refreshable: false })
  await core.tokens.insert(pair, {
    familyId: randomUUID(),
    applicationId: client?.id ?? null,
    subject: null,
    scopes: scopes.join(' '),
  })
  return {
    ok: true,
    issued: { grantType: 'client_credentials', pair, scopes, client, owner: undefined, nonce: undefined },
  }
}

function defaultsOf(core: Core, client: Client | undefined): readonly string[] {
  return defaultScopesOf(client?.scopes ?? [], core.settings.defaultScopes)
}
