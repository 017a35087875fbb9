import { credentialsOf } from '../clients/client-authentication.ts'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { areScopesValid, defaultScopesOf, parseScopes } from '../core/scopes.ts'
import type { ResolvedSettings } from '../core/settings.ts'
import { authenticate } from '../grants/token-request.ts'
import type { Client } from '../model/client.ts'
import { textOf } from '../parameters/value.ts'
import { type Failure, failure, failureReply } from '../responses/failure.ts'
import { publicError } from '../responses/pages.ts'
import { jsonReply, type OAuthReply } from '../responses/replies.ts'
import type { EndpointRequest } from './endpoint.ts'
import { secretInUri } from './uri-credentials.ts'

const ATTEMPTS = 5

interface Facts {
  readonly client: Client | undefined
  /** Undefined when the request has none, so the default scopes apply. */
  readonly asked: string | undefined
  readonly settings: ResolvedSettings
}

/** RFC 8628 §3.1, with client authentication of RFC 6749 §3.2.1. An unknown scope is 422 with a page (N007). */
const CHECKS: ReadonlyArray<Check<Facts, Failure | 'unprocessable'>> = [
  ({ client }) => (client === undefined ? failure('invalid_client') : undefined),
  ({ asked, settings }) =>
    asked === undefined || areScopesValid(normalised(asked), settings.serverScopes) ? undefined : 'unprocessable',
  // A scope that the client may not have is rejected (unlike N009).
  ({ client, asked }) =>
    asked === undefined || !client?.scopes.length || areScopesValid(normalised(asked), client.scopes)
      ? undefined
      : failure('invalid_scope'),
]

/** POST /oauth/authorize_device (RFC 8628 §3.1). */
export async function deviceAuthorizationEndpoint(
  core: Core,
  { http, parameters, caller }: EndpointRequest,
): Promise<OAuthReply> {
  const { settings } = core
  const credentials = credentialsOf(http.headers.authorization, parameters, settings.compatibility)
  const leaked = await secretInUri(core, http, credentials)
  if (leaked !== undefined) return failureReply(leaked, settings.compatibility)
  const client = await authenticate(core, credentials, caller)
  const asked = textOf(parameters, 'scope')
  const failed = firstFailure(CHECKS, { client, asked, settings })
  if (failed === 'unprocessable') return publicError(422, http)
  if (failed !== undefined || client === undefined) {
    return failureReply(failed ?? failure('invalid_client'), settings.compatibility)
  }
  const text =
    asked === undefined ? defaultScopesOf(client.scopes, settings.defaultScopes).join(' ') : normalised(asked)
  const { deviceCode, userCode } = await newDevice(core, client, text)
  const page = settings.verificationUri.startsWith('/')
    ? http.origin + settings.verificationUri
    : settings.verificationUri
  return jsonReply(
    200,
    {
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: page,
      verification_uri_complete: `${page}${page.includes('?') ? '&' : '?'}user_code=${encodeURIComponent(userCode)}`,
      expires_in: settings.deviceCodeLifetime,
      interval: settings.deviceInterval,
    },
    [
      ['Cache-Control', 'no-store'],
      ['Pragma', 'no-cache'],
    ],
  )
}

/** Scopes in the requested order without repeats. */
function normalised(scope: string): string {
  return parseScopes(scope).join(' ')
}

/** Stores a device under a unique user code. */
async function newDevice(
  core: Core,
  client: Client,
  scopes: string,
): Promise<{ readonly deviceCode: string; readonly userCode: string }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const deviceCode = core.tokenIssuer.deviceCode()
    const userCode = core.tokenIssuer.userCode()
    const device = { applicationId: client.id, scopes, now: Date.now(), lifetime: core.settings.deviceCodeLifetime }
    if (await core.devices.insert(deviceCode, userCode, device)) return { deviceCode, userCode }
  }
  throw new Error(`no free user code in ${ATTEMPTS} attempts`)
}
