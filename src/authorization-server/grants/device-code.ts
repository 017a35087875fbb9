import { randomUUID } from 'node:crypto'
import type { Core } from '../core.ts'
import { failure } from '../failure.ts'
import { textOf } from '../parameters/value.ts'
import type { Client } from '../ports.ts'
import { parseScopes } from '../scopes.ts'
import type { StoredDevice } from '../store/devices.ts'
import {
  type Check,
  firstFailure,
  type GrantOutcome,
  mintPair,
  ownerForIdToken,
  refused,
  type TokenRequest,
} from './token-request.ts'

interface Facts {
  readonly client: Client | undefined
  readonly device: StoredDevice | undefined
}

/** RFC 8628 §3.4. */
const CHECKS: ReadonlyArray<Check<Facts>> = [
  ({ client }) => (client === undefined ? failure('invalid_client') : undefined),
  ({ client, device }) =>
    device === undefined || device.applicationId !== client?.id ? failure('invalid_grant') : undefined,
]

/** One poll of a device (RFC 8628 §3.5): too fast comes before granted, and expired is said once (README, 44 and 45). */
export async function deviceCodeGrant(core: Core, request: TokenRequest): Promise<GrantOutcome> {
  const { client, now } = request
  const code = textOf(request.parameters, 'device_code')
  const device = code === undefined ? undefined : await core.devices.find(code)
  const failed = firstFailure(CHECKS, { client, device })
  if (failed !== undefined || device === undefined) return refused(failed ?? failure('invalid_grant'))
  if (now > device.createdAt + device.expiresIn * 1_000) {
    await core.devices.remove(device.deviceHash)
    return refused(failure('expired_token', { abrupt: true }))
  }
  if (device.lastPolledAt !== null && device.lastPolledAt > now - core.settings.deviceInterval * 1_000) {
    return refused(failure('slow_down', { abrupt: true }))
  }
  if (device.subject === null) {
    await core.devices.polled(device.deviceHash, now)
    return refused(failure('authorization_pending', { abrupt: true }))
  }
  const { subject } = device
  const scopes = parseScopes(device.scopes)
  const owner = await ownerForIdToken(core, scopes, subject)
  const pair = await mintPair(core, { subject, client, scopes, now, refreshable: true })
  const won = await core.tokens.exchangeDevice(device.deviceHash, randomUUID(), pair)
  if (!won) return refused(failure('invalid_grant', { abrupt: true }))
  return { ok: true, issued: { grantType: 'device_code', pair, scopes, client, owner, nonce: undefined } }
}
