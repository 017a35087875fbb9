import { hash, timingSafeEqual } from 'node:crypto'
import type { Client } from '../model/client.ts'
import type { DoorkeeperCompatibility } from '../model/compatibility.ts'
import type { Parameters } from '../parameters/value.ts'
import { textOf } from '../parameters/value.ts'

/** The credentials a client presents, not yet verified. */
export interface ClientCredentials {
  readonly clientId: string
  readonly secret: string | undefined
}

/**
 * The credentials in a request: Basic takes precedence, right or wrong, over the parameters (RFC 6749 §2.3.1). An empty
 * Basic user falls through to the parameters; Basic credentials are not form-decoded (docs/doorkeeper.md, 21; E130,
 * E132).
 */
export function credentialsOf(
  authorization: string | undefined,
  parameters: Parameters,
  compatibility: DoorkeeperCompatibility,
): ClientCredentials | undefined {
  const basic = authorization === undefined ? undefined : basicCredentials(authorization, compatibility)
  if (basic) return basic
  const clientId = textOf(parameters, 'client_id')
  return clientId === undefined ? undefined : { clientId, secret: textOf(parameters, 'client_secret') }
}

function basicCredentials(
  authorization: string,
  compatibility: DoorkeeperCompatibility,
): ClientCredentials | undefined {
  const scheme = authorization.slice(0, 6)
  if (scheme !== 'Basic ' && !(compatibility.basicSchemeAnyCase && scheme.toLowerCase() === 'basic ')) return undefined
  const text = Buffer.from(authorization.slice(6), 'base64').toString('utf8')
  const colon = text.indexOf(':')
  const clientId = colon < 0 ? text : text.slice(0, colon)
  if (clientId.trim() === '') return undefined
  return { clientId, secret: colon < 0 ? undefined : text.slice(colon + 1) }
}

/** Whether a client is authenticated: by its secret or, when it is public, without one (E025-E029). */
export function isAuthentic(client: Client, secret: string | undefined): boolean {
  if (secret === undefined || secret.trim() === '') return !client.confidential
  return isSecretOf(client, secret)
}

/** Whether this is the client's secret. Compares in constant time. */
export function isSecretOf(client: Client, secret: string | undefined): boolean {
  if (secret === undefined || client.secretDigest === null) return false
  const wanted = Buffer.from(client.secretDigest, 'hex')
  const given = hash('sha512', secret, 'buffer')
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}
