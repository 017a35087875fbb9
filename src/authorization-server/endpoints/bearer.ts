import type { HttpReply, HttpRequest } from '../../http/index.ts'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { parseScopes } from '../core/scopes.ts'
import type { Dialect } from '../model/dialect.ts'
import type { Parameters } from '../parameters/value.ts'
import { textOf } from '../parameters/value.ts'
import { challenge, errorHeaders, type Failure, TOKEN_TEXTS, uncached } from '../responses/failure.ts'
import { emptyReply } from '../responses/replies.ts'
import type { AccessToken, StoredToken } from '../store/tokens.ts'

/**
 * The token of a request: `access_token` parameter, then Bearer header, then `bearer_token` parameter (RFC 6750 §2;
 * README of the recording, 39). What is blank is passed over.
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

/** Whether the access token of a pair has had its time. */
export function isExpired(token: Pick<StoredToken, 'createdAt' | 'expiresIn'>, now: number): boolean {
  return now > token.createdAt + token.expiresIn * 1_000
}

/** Whether the access token of a pair may be used. */
export function isAccessible(token: StoredToken, now: number): boolean {
  return token.revokedAt === null && !isExpired(token, now)
}

/** Whole seconds until the access token expires, rounded, never negative. */
export function secondsLeft(token: Pick<StoredToken, 'createdAt' | 'expiresIn'>, now: number): number {
  return Math.max(0, Math.round((token.createdAt + token.expiresIn * 1_000 - now) / 1_000))
}

/** The token as resource servers know it. */
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

/** The token a request carries, whatever its state. */
export async function presentedToken(
  core: Core,
  request: HttpRequest,
  parameters: Parameters,
): Promise<StoredToken | undefined> {
  const token = bearerOf(request, parameters)
  return token === undefined ? undefined : core.tokens.findByAccess(token)
}

/** What a protected resource answers a request that carries its token in a way it may not: 400, empty (RFC 6750 §3.1). */
export function malformed({ status, error, description }: Failure, dialect: Dialect): HttpReply {
  return emptyReply(status, errorHeaders(error, description, dialect))
}

/** What a token may be refused for, whatever it is wanted for (RFC 6750 §3.1, invalid_token). */
export const TOKEN_CHECKS: ReadonlyArray<Check<TokenState | undefined, keyof typeof TOKEN_TEXTS>> = [
  (token) => (token === undefined ? 'unknown' : undefined),
  (token) => (token?.revoked ? 'revoked' : undefined),
  (token) => (token?.expired ? 'expired' : undefined),
]

type TokenState = Pick<AccessToken, 'revoked' | 'expired'>

/** What a protected resource answers a token it does not take: 401, or 403 when a scope lacks; both empty (README, 40). */
export function refusal(
  token: AccessToken | undefined,
  scopes: readonly string[],
  dialect: Dialect,
): HttpReply | undefined {
  const reason = firstFailure(TOKEN_CHECKS, token)
  if (reason !== undefined) return emptyReply(401, errorHeaders('invalid_token', TOKEN_TEXTS[reason], dialect))
  if (scopes.length === 0 || scopes.some((scope) => token?.scopes.includes(scope))) return undefined
  const description = `Access to this resource requires scope _${scopes.join(' ')}_.`
  const told = dialect.insufficientScopeChallenge ? [challenge('insufficient_scope', description, dialect)] : []
  return emptyReply(403, [...uncached(dialect), ...told])
}
