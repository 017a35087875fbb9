import type { HttpReply } from '../../http/index.ts'
import { credentialsOf } from '../client-authentication.ts'
import type { Core } from '../core.ts'
import { failure, failureReply } from '../failure.ts'
import { authenticate } from '../grants/token-request.ts'
import { publicError } from '../pages.ts'
import { textOf } from '../parameters/value.ts'
import type { Client } from '../ports.ts'
import { jsonReply } from '../replies.ts'
import { areScopesValid, defaultScopesOf, parseScopes } from '../scopes.ts'
import { secretInUri } from '../uri-credentials.ts'
import type { EndpointRequest } from './endpoint.ts'

const ATTEMPTS = 5

/**
 * POST /oauth/authorize_device (RFC 8628 §3.1). A scope the server does not know is 422 with a page (N007); one that
 * the client may not have is invalid_scope (not N009).
 */
export async function deviceAuthorizationEndpoint(
  core: Core,
  { http, parameters, caller }: EndpointRequest,
): Promise<HttpReply> {
  const { settings } = core
  const credentials = credentialsOf(http.headers.authorization, parameters, settings.dialect)
  const leaked = await secretInUri(core, http, credentials)
  if (leaked !== undefined) return failureReply(leaked, settings.dialect)
  const client = await authenticate(core, credentials, caller)
  if (client === undefined) return failureReply(failure('invalid_client'), settings.dialect)
  const asked = textOf(parameters, 'scope')
  const scopes = asked === undefined ? defaultScopesOf(client.scopes, settings.defaultScopes) : parseScopes(asked)
  const text = scopes.join(' ')
  if (asked !== undefined && !areScopesValid(text, settings.serverScopes)) return publicError(422, http)
  if (asked !== undefined && client.scopes.length > 0 && !areScopesValid(text, client.scopes)) {
    return failureReply(failure('invalid_scope'), settings.dialect)
  }
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

/** Stores a device under a user code that no other device has. */
async function newDevice(
  core: Core,
  client: Client,
  scopes: string,
): Promise<{ readonly deviceCode: string; readonly userCode: string }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const deviceCode = core.mint.deviceCode()
    const userCode = core.mint.userCode()
    const device = { applicationId: client.id, scopes, now: Date.now(), lifetime: core.settings.deviceCodeLifetime }
    if (await core.devices.insert(deviceCode, userCode, device)) return { deviceCode, userCode }
  }
  throw new Error(`no free user code in ${ATTEMPTS} attempts`)
}
