import type { Core } from '../core/core.ts'
import { parseScopes } from '../core/scopes.ts'
import type { ResourceOwner } from '../model/resource-owner.ts'
import type { WaitingDevice } from '../store/devices.ts'

/** A device grant that is waiting for a user's approval. */
export interface PendingDevice {
  readonly clientId: string
  readonly clientName: string
  readonly scopes: readonly string[]
}

export type DeviceApproval = 'approved' | 'unknown' | 'expired'

/** The device waiting under a user code; undefined when the code is unknown, used or expired (RFC 8628 §3.3). */
export async function findDevice(core: Core, userCode: string): Promise<PendingDevice | undefined> {
  const device = await core.devices.findWaiting(userCode)
  if (device === undefined || isExpired(device)) return undefined
  return { clientId: device.clientId, clientName: device.clientName, scopes: parseScopes(device.scopes) }
}

/** Assigns a waiting device to a user, once; an empty code matches no device (unlike N033). */
export async function approveDevice(core: Core, userCode: string, owner: ResourceOwner): Promise<DeviceApproval> {
  const device = await core.devices.findWaiting(userCode)
  if (device === undefined) return 'unknown'
  if (isExpired(device)) return 'expired'
  return (await core.devices.approve(device.deviceHash, userCode, owner.id, Date.now())) ? 'approved' : 'unknown'
}

function isExpired(device: WaitingDevice): boolean {
  return Date.now() > device.createdAt + device.expiresIn * 1_000
}
