import { randomUUID } from 'node:crypto'
import { type Check, firstFailure } from '../core/checks.ts'
import type { Core } from '../core/core.ts'
import { parseScopes } from '../core/scopes.ts'
import type { Client } from '../model/client.ts'
import { textOf } from '../parameters/value.ts'
import { failure } from '../responses/failure.ts'
import type { StoredDevice } from '../store/devices.ts'
import { type GrantOutcome, issuePair, ownerForIdToken, refused, type TokenRequest } from './token-request.ts'

interface Facts {
  readonly client: Client | undefined
  readonly device: StoredDevice | undefined
  /** Seconds between two polls. */
  readonly interval: number
  readonly now: number
}

/**
 * RFC 8628 §3.4 and §3.5: polling too fast takes precedence over approval, and expiry is reported once
 * (docs/doorkeeper.md, 44 and 45).
 */
const CHECKS: ReadonlyArray<Check<Facts>> = [
  ({ client }) => (client === undefined ? failure('invalid_client') : undefined),
  ({ client, device }) =>
    device === undefined || device.applicationId !== client?.id ? failure('invalid_grant') : undefined,
  ({ device, now }) =>
    device && now > device.createdAt + device.expiresIn * 1_000
      ? failure('expired_token', { abrupt: true })
      : undefined,
  ({ device, interval, now }) =>
    device?.lastPolledAt != null && device.lastPolledAt > now - interval * 1_000
      ? failure('slow_down', { abrupt: true })
      : undefined,
  ({ device }) => (device?.subject === null ? failure('authorization_pending', { abrupt: true }) : undefined),
]

/** Handles one poll of a device (RFC 8628 §3.4). */
export async function deviceCodeGrant(core: Core, request: TokenRequest): Promise<GrantOutcome> {
  const { client, now } = request
  const code = textOf(request.parameters, 'device_code')
  const device = code === undefined ? undefined : await core.devices.find(code)
  const failed = firstFailure(CHECKS, { client, device, interval: core.settings.deviceInterval, now })
  if (failed?.error === 'expired_token' && device) await core.devices.remove(device.deviceHash)
  if (failed?.error === 'authorization_pending' && device) await core.devices.polled(device.deviceHash, now)
  if (failed !== undefined || device?.subject == null) return refused(failed ?? failure('invalid_grant'))
  const { subject } = device
  const scopes = parseScopes(device.scopes)
  const owner = await ownerForIdToken(core, scopes, subject)
  const pair = await issuePair(core, { subject, client, scopes, now, refreshable: true })
  const won = await core.tokens.exchangeDevice(device.deviceHash, randomUUID(), pair)
  if (!won) return refused(failure('invalid_grant', { abrupt: true }))
  return { ok: true, issued: { grantType: 'device_code', pair, scopes, client, owner, nonce: undefined } }
}
