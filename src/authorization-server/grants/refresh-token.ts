import type { ClientCredentials } from '../clients/client-authentication.ts'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { areScopesValid, parseScopes } from '../core/scopes.ts'
import type { Client } from '../model/client.ts'
import { textOf } from '../parameters/value.ts'
import { failure, missingParameter } from '../responses/failure.ts'
import type { StoredToken } from '../store/tokens.ts'
import { endFamily } from './credential-reuse.ts'
import { type GrantOutcome, issuePair, ownerForIdToken, refused, type TokenRequest } from './token-request.ts'

interface Facts {
  readonly presented: string | undefined
  readonly stored: StoredToken | undefined
  readonly credentials: ClientCredentials | undefined
  readonly client: Client | undefined
  readonly scope: string | undefined
}

/** RFC 6749 §6, in Doorkeeper's order: the token before the client (docs/doorkeeper.md, 16 and 30). */
const CHECKS: ReadonlyArray<Check<Facts>> = [
  ({ presented }) => (presented === undefined ? missingParameter('refresh_token') : undefined),
  ({ stored }) => (stored === undefined || stored.revokedAt !== null ? failure('invalid_grant') : undefined),
  ({ credentials, client }) => (credentials && !client ? failure('invalid_client') : undefined),
  ({ stored, client }) =>
    stored?.applicationId == null || stored.applicationId === client?.id ? undefined : failure('invalid_grant'),
  ({ stored, scope }) =>
    scope === undefined || areScopesValid(scope, parseScopes(stored?.scopes ?? ''))
      ? undefined
      : failure('invalid_scope'),
]

/** Exchanges a refresh token for a new pair (RFC 6749 §6). One of several concurrent uses wins. */
export async function refreshTokenGrant(core: Core, request: TokenRequest): Promise<GrantOutcome> {
  const { parameters, credentials, client, now } = request
  const presented = textOf(parameters, 'refresh_token')
  const stored = presented === undefined ? undefined : await core.tokens.findByRefresh(presented)
  const scope = textOf(parameters, parameters['scope'] == null || parameters['scope'] === false ? 'scopes' : 'scope')
  const failed = firstFailure(CHECKS, { presented, stored, credentials, client, scope })
  if (failed !== undefined) {
    await punishReuse(core, stored, now)
    return refused(failed)
  }
  const { id, subject, scopes: granted } = stored as StoredToken
  const scopes = parseScopes(scope ?? granted)
  const owner = await ownerForIdToken(core, scopes, subject)
  const pair = await issuePair(core, { subject: subject ?? undefined, client, scopes, now, refreshable: true })
  const won = await core.tokens.rotate(id, scopes.join(' '), pair)
  if (!won) return refused(failure('invalid_grant', { abrupt: true }))
  return { ok: true, issued: { grantType: 'refresh_token', pair, scopes, client, owner, nonce: undefined } }
}

/** RFC 9700 §4.14.2: reuse of a rotated token long after its rotation means that one of its users stole it. */
async function punishReuse(core: Core, stored: StoredToken | undefined, now: number): Promise<void> {
  if (stored?.revokeReason !== 'rotated' || stored.revokedAt === null) return
  if (now - stored.revokedAt <= core.settings.reuseGraceSeconds * 1_000) return
  const owner = stored.clientId === null ? undefined : await core.clients.find(stored.clientId)
  const policy = owner?.policy ?? core.settings.defaultPolicy
  if (policy.refresh_reuse === 'revoke') {
    await endFamily(core, { ...stored, kind: 'refresh_token_reuse', firstUsedAt: stored.revokedAt }, now)
  }
}
