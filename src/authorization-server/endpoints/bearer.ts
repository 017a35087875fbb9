import type { HttpRequest } from '../../http/index.ts'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { parseScopes } from '../core/scopes.ts'
import type { DoorkeeperCompatibility } from '../model/compatibility.ts'
import type { Parameters } from '../parameters/value.ts'
import { textOf } from '../parameters/value.ts'
import { challenge, errorHeaders, type Failure, TOKEN_TEXTS, uncached } from '../responses/failure.ts'
import { emptyReply, type OAuthReply } from '../responses/replies.ts'
import type { AccessToken, StoredToken } from '../store/tokens.ts'

/**
 * The token of a request: `access_token` parameter, then Bearer header, then `bearer_token` parameter (RFC 6750 §2;
 * docs/doorkeeper.md, 39). Blank values are skipped.
 */
export function bearerOf(request: HttpRequest, parameters: Parameters): string | undefined {
  return textOf(parameters, 'access_token') ?? bearerHeader(request) ?? textOf(parameters, 'bearer_token')
}

function bearerHeader(request: HttpRequest): string | undefined {
  const header = request.headers.authorization
  if (header === undefined || header.slice(0, 7).toLowerCase() !== 'bearer ') return undefined
  const token = header.slice(7)
  return token.trim() === '' ? undefined : token
}

/** Whether the access token of a pair has expired. */
export function isExpired(token: Pick<StoredToken, 'createdAt' | 'expiresIn'>, now: number): boolean {
  return now > token.createdAt + token.expiresIn * 1_000
}

/** Whether the access token of a pair is valid: neither revoked nor expired. */
export function isAccessible(token: StoredToken, now: number): boolean {
  return token.revokedAt === null && !isExpired(token, now)
}

/** Whole seconds until the access token expires, rounded, never negative. */
export function secondsLeft(token: Pick<StoredToken, 'createdAt' | 'expiresIn'>, now: number): number {
  return Math.max(0, Math.round((token.createdAt + token.expiresIn * 1_000 - now) / 1_000))
}

/** The token as resource servers see it. */
export function accessTokenOf(token: StoredToken, now: number): AccessToken {
  return {
    id: token.id,
    applicationId: token.applicationId,
    clientId: token.clientId,
    subject: token.subject,
    scopes: parseScopes(token.scopes),
    createdAt: new Date(token.createdAt),
    expiresIn: token.expiresIn,
    revoked: token.revokedAt !== null,
    expired: isExpired(token, now),
  }
}

/** The token in a request, whatever its state. */
export async function presentedToken(
  core: Core,
  request: HttpRequest,
  parameters: Parameters,
): Promise<StoredToken | undefined> {
  const token = bearerOf(request, parameters)
  return token === undefined ? undefined : core.tokens.findByAccess(token)
}

/** A protected resource's answer to a request with a token in a forbidden place: 400, empty (RFC 6750 §3.1). */
export function malformed({ status, error, description }: Failure, compatibility: DoorkeeperCompatibility): OAuthReply {
  return { ...emptyReply(status, errorHeaders(error, description, compatibility)), oauthError: error }
}

/** The reasons to reject a token, whatever the resource (RFC 6750 §3.1, invalid_token). */
export const TOKEN_CHECKS: ReadonlyArray<Check<TokenState | undefined, keyof typeof TOKEN_TEXTS>> = [
  (token) => (token === undefined ? 'unknown' : undefined),
  (token) => (token?.revoked ? 'revoked' : undefined),
  (token) => (token?.expired ? 'expired' : undefined),
]

type TokenState = Pick<AccessToken, 'revoked' | 'expired'>

/**
 * A protected resource's answer to a rejected token: 401, or 403 when a scope is missing; both empty
 * (docs/doorkeeper.md, 40).
 */
export function refusal(
  token: AccessToken | undefined,
  scopes: readonly string[],
  compatibility: DoorkeeperCompatibility,
): OAuthReply | undefined {
  const reason = firstFailure(TOKEN_CHECKS, token)
  if (reason !== undefined) {
    const oauthError = 'invalid_token'
    return { ...emptyReply(401, errorHeaders(oauthError, TOKEN_TEXTS[reason], compatibility)), oauthError }
  }
  if (scopes.length === 0 || scopes.some((scope) => token?.scopes.includes(scope))) return undefined
  const description = `Access to this resource requires scope _${scopes.join(' ')}_.`
  const told = compatibility.insufficientScopeChallenge
    ? [challenge('insufficient_scope', description, compatibility)]
    : []
  return emptyReply(403, [...uncached(compatibility), ...told])
}
