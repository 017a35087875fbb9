import { randomUUID } from 'node:crypto'
import { type AccessTokenGrant, createPrefixedTokenIssuer, type TokenIssuer } from '../../authorization-server/index.ts'
import { IAM_PREFIXES } from '../../credentials/index.ts'
import type { AccessTokenFormat } from '../settings.ts'

/** Signs a JWT with the server's key for access tokens. */
type SignJwt = (claims: Readonly<Record<string, unknown>>) => Promise<string>

/** The longest token that resource servers accept. */
const JWT_TOKEN_LIMIT = 8_192

/**
 * Credentials with the prefixes of the routing table. In the `jwt` format an access token is its prefix and a JWT with
 * sub, jti, exp, iat, iss, aud and scope, as the platform's resource servers check it. One that would exceed 8,192
 * bytes, which they reject, is opaque instead. The `sub` of a token without a user is the client.
 */
export function createIamTokenIssuer(options: {
  readonly format: AccessTokenFormat
  readonly issuer: string
  readonly audience: string
  readonly sign: SignJwt
}): TokenIssuer {
  const opaque = createPrefixedTokenIssuer(IAM_PREFIXES)
  if (options.format === 'opaque') return opaque
  return {
    ...opaque,
    async accessToken(grant) {
      const token = IAM_PREFIXES.access_token + (await options.sign(claimsOf(grant, options.issuer, options.audience)))
      return Buffer.byteLength(token) <= JWT_TOKEN_LIMIT ? token : opaque.accessToken(grant)
    },
  }
}

function claimsOf(grant: AccessTokenGrant, issuer: string, audience: string): Record<string, unknown> {
  return {
    iss: issuer,
    sub: grant.subject ?? grant.client?.clientId ?? '',
    aud: audience,
    exp: grant.issuedAt + grant.lifetime,
    iat: grant.issuedAt,
    jti: randomUUID(),
    scope: grant.scopes.join(' '),
    ...(grant.client ? { client_id: grant.client.clientId } : {}),
  }
}
