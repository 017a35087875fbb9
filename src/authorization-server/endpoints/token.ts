import { credentialsOf } from '../clients/client-authentication.ts'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { idToken } from '../core/id-token.ts'
import { authorizationCodeGrant } from '../grants/authorization-code.ts'
import { clientCredentialsGrant } from '../grants/client-credentials.ts'
import { deviceCodeGrant } from '../grants/device-code.ts'
import { passwordGrant } from '../grants/password.ts'
import { refreshTokenGrant } from '../grants/refresh-token.ts'
import { authenticate, type GrantType, type Issued } from '../grants/token-request.ts'
import { textOf } from '../parameters/value.ts'
import { failure, failureReply, missingParameter } from '../responses/failure.ts'
import { jsonReply, type OAuthReply } from '../responses/replies.ts'
import type { EndpointRequest } from './endpoint.ts'
import { secretInUri } from './uri-credentials.ts'

const GRANT_TYPES: ReadonlyMap<string, GrantType> = new Map([
  ['authorization_code', authorizationCodeGrant],
  ['refresh_token', refreshTokenGrant],
  ['client_credentials', clientCredentialsGrant],
  ['password', passwordGrant],
  ['urn:ietf:params:oauth:grant-type:device_code', deviceCodeGrant],
  ['device_code', deviceCodeGrant],
])

const SUCCESS_HEADERS = [
  ['Cache-Control', 'no-store'],
  ['Pragma', 'no-cache'],
] as const

interface Facts {
  readonly grantType: string | undefined
  readonly grant: GrantType | undefined
}

const UNSUPPORTED = failure('unsupported_grant_type', { abrupt: true })

/** RFC 6749 §3.2, before client and grant, which each grant checks itself (docs/doorkeeper.md, 16). */
const CHECKS: ReadonlyArray<Check<Facts>> = [
  ({ grantType }) => (grantType === undefined ? missingParameter('grant_type', { abrupt: true }) : undefined),
  ({ grant }) => (grant === undefined ? UNSUPPORTED : undefined),
]

/** POST /oauth/token (RFC 6749 §3.2). The grant type is checked before anything else (docs/doorkeeper.md, 16). */
export async function tokenEndpoint(core: Core, { http, parameters, caller }: EndpointRequest): Promise<OAuthReply> {
  const { compatibility } = core.settings
  const grantType = textOf(parameters, 'grant_type')
  const grant = grantOf(core, grantType)
  const failed = firstFailure(CHECKS, { grantType, grant })
  if (failed !== undefined || grant === undefined) return failureReply(failed ?? UNSUPPORTED, compatibility)
  const credentials = credentialsOf(http.headers.authorization, parameters, compatibility)
  const leaked = await secretInUri(core, http, credentials)
  if (leaked !== undefined) return failureReply(leaked, compatibility)
  const client = await authenticate(core, credentials, caller)
  const outcome = await grant(core, {
    parameters,
    credentials,
    client,
    now: Date.now(),
    network: caller.address.network,
  })
  if (!outcome.ok) return failureReply(outcome.failure, compatibility)
  const { issued } = outcome
  const reply = jsonReply(200, await tokenBody(core, issued), SUCCESS_HEADERS)
  core.onGrant({
    grantType: issued.grantType,
    clientId: issued.client?.clientId,
    applicationId: issued.client?.id,
  })
  return reply
}

/** The handler of a grant type that this server offers; undefined for others. */
function grantOf({ owners, settings }: Core, grantType: string | undefined): GrantType | undefined {
  const isPasswordOffered = owners.authenticate !== undefined && settings.passwordGrantOffered
  return grantType === 'password' && !isPasswordOffered ? undefined : GRANT_TYPES.get(grantType ?? '')
}

/** The members of RFC 6749 §5.1 in their recorded order; an empty scope is omitted (docs/doorkeeper.md, 26). */
async function tokenBody(core: Core, { pair, scopes, client, owner, nonce }: Issued): Promise<Record<string, unknown>> {
  const issuedAt = Math.floor(pair.now / 1_000)
  const body: Record<string, unknown> = {
    access_token: pair.accessToken,
    token_type: 'Bearer',
    expires_in: pair.lifetime,
  }
  if (pair.refreshToken !== undefined) body['refresh_token'] = pair.refreshToken
  if (scopes.length > 0) body['scope'] = scopes.join(' ')
  body['created_at'] = issuedAt
  if (owner !== undefined) {
    body['id_token'] = await idToken(core, { owner, clientId: client?.clientId, scopes, nonce, issuedAt })
  }
  return body
}
