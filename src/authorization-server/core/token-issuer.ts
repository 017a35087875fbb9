import { randomBytes, randomInt } from 'node:crypto'
import type { Client } from '../model/client.ts'

/** What an access token is issued for. */
export interface AccessTokenGrant {
  /** Undefined for client_credentials. */
  readonly subject: string | undefined
  readonly client: Client | undefined
  readonly scopes: readonly string[]
  /** Seconds. */
  readonly lifetime: number
  /** Seconds since the epoch. */
  readonly issuedAt: number
}

/** Generates credentials. Each value must be unguessable; the store keeps only its SHA-256. */
export interface TokenIssuer {
  authorizationCode(): string
  accessToken(grant: AccessTokenGrant): string | Promise<string>
  refreshToken(): string
  deviceCode(): string
  userCode(): string
}

/** Doorkeeper's formats: 64 hex digits for each credential, and a user code of 8 characters A-Z0-9. */
export const hexTokenIssuer: TokenIssuer = {
  authorizationCode: randomHex,
  accessToken: randomHex,
  refreshToken: randomHex,
  deviceCode: randomHex,
  userCode,
}

/** Credentials with a prefix for their kind, followed by 32 random bytes in base64url. */
export function createPrefixedTokenIssuer(
  prefixes: Readonly<Record<'authorization_code' | 'access_token' | 'refresh_token' | 'device_code', string>>,
): TokenIssuer {
  const random = (prefix: string) => () => prefix + randomBytes(32).toString('base64url')
  return {
    authorizationCode: random(prefixes.authorization_code),
    accessToken: random(prefixes.access_token),
    refreshToken: random(prefixes.refresh_token),
    deviceCode: random(prefixes.device_code),
    userCode,
  }
}

function randomHex(): string {
  return randomBytes(32).toString('hex')
}

const USER_CODE_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** 8 characters A-Z0-9, each equally likely (RFC 8628 §6.1). */
function userCode(): string {
  let code = ''
  for (let position = 0; position < 8; position++) code += USER_CODE_ALPHABET[randomInt(USER_CODE_ALPHABET.length)]
  return code
}
