import { isRedirectUriAmong } from '../clients/redirect-uri.ts'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { parseScopes } from '../core/scopes.ts'
import type { Client } from '../model/client.ts'
import { isVerifierRight } from '../model/pkce.ts'
import { textOf } from '../parameters/value.ts'
import { failure, missingParameter } from '../responses/failure.ts'
import type { StoredGrant } from '../store/grants.ts'
import { endFamily } from './credential-reuse.ts'
import { type GrantOutcome, issuePair, ownerForIdToken, refused, type TokenRequest } from './token-request.ts'

interface Facts {
  readonly grant: StoredGrant | undefined
  readonly client: Client | undefined
  readonly redirectUri: string | undefined
  readonly verifier: string | undefined
  readonly now: number
}

/** RFC 6749 §4.1.3 and RFC 7636 §4.6, in Doorkeeper's order: parameters, client, code, address, verifier. */
const CHECKS: ReadonlyArray<Check<Facts>> = [
  ({ grant, verifier }) =>
    grant && grant.codeChallenge !== null && verifier === undefined ? missingParameter('code_verifier') : undefined,
  ({ redirectUri }) => (redirectUri === undefined ? missingParameter('redirect_uri') : undefined),
  ({ client }) => (client === undefined ? failure('invalid_client') : undefined),
  ({ grant, client }) => (grant?.applicationId !== client?.id || !grant ? failure('invalid_grant') : undefined),
  ({ grant, now }) => (grant && isSpent(grant, now) ? failure('invalid_grant') : undefined),
  ({ grant, redirectUri }) =>
    isRedirectUriAmong(redirectUri ?? '', addressesIn(grant)) ? undefined : failure('invalid_grant'),
  ({ grant, client, redirectUri }) =>
    client?.policy.redirect_match === 'exact' && redirectUri !== grant?.redirectUri
      ? failure('invalid_grant')
      : undefined,
  ({ grant, verifier }) =>
    verifier === undefined ||
    isVerifierRight(verifier, grant?.codeChallenge ?? null, grant?.codeChallengeMethod ?? null)
      ? undefined
      : failure('invalid_grant'),
]

/** Exchanges an authorization code (RFC 6749 §4.1.3). A rejected exchange does not consume the code (E047). */
export async function authorizationCodeGrant(core: Core, request: TokenRequest): Promise<GrantOutcome> {
  const code = textOf(request.parameters, 'code')
  if (code === undefined) return refused(missingParameter('code', { abrupt: true }))
  const { client, now } = request
  const grant = await core.grants.find(code)
  const facts: Facts = {
    grant,
    client,
    redirectUri: textOf(request.parameters, 'redirect_uri'),
    verifier: textOf(request.parameters, 'code_verifier'),
    now,
  }
  const failed = firstFailure(CHECKS, facts)
  if (failed !== undefined) {
    await punishReplay(core, grant, now)
    return refused(failed)
  }
  const { codeHash, subject, scopes: text, nonce } = grant as StoredGrant
  const scopes = parseScopes(text)
  const owner = await ownerForIdToken(core, scopes, subject)
  const pair = await issuePair(core, { subject, client, scopes, now, refreshable: true })
  const won = await core.tokens.exchangeCode(codeHash, pair)
  if (!won) return refused(failure('invalid_grant', { abrupt: true }))
  return {
    ok: true,
    issued: { grantType: 'authorization_code', pair, scopes, client, owner, nonce: nonce ?? undefined },
  }
}

/**
 * Doorkeeper splits the address of the authorization at whitespace, so an address with whitespace equals none (R001).
 */
function addressesIn(grant: StoredGrant | undefined): readonly string[] {
  return (grant?.redirectUri ?? '').split(' ')
}

function isSpent(grant: StoredGrant, now: number): boolean {
  return grant.usedAt !== null || now > grant.createdAt + grant.expiresIn * 1_000
}

/** RFC 9700 §4.5: a code that is used twice was stolen, and so may be the tokens of its first use. */
async function punishReplay(core: Core, grant: StoredGrant | undefined, now: number): Promise<void> {
  if (grant === undefined || grant.usedAt === null) return
  if (now - grant.usedAt <= core.settings.reuseGraceSeconds * 1_000) return
  // The code belongs to its own client, whichever client presents it.
  const owner = await core.clients.findById(grant.applicationId)
  if (owner?.policy.code_replay === 'revoke') {
    await endFamily(core, { ...grant, kind: 'authorization_code_replay', firstUsedAt: grant.usedAt }, now)
  }
}
