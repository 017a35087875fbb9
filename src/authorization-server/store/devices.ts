import type { Database } from '../../storage/index.ts'
import { digestOf } from './digest.ts'
import { hasEnded } from './ended-subjects.ts'
import { namedBrief } from './statements.ts'

/** A stored device grant. Times are milliseconds since the epoch. */
export interface StoredDevice {
  readonly deviceHash: Buffer
  readonly applicationId: number
  readonly scopes: string
  readonly subject: string | null
  readonly createdAt: number
  readonly expiresIn: number
  readonly lastPolledAt: number | null
}

/** A device grant found by its user code, with its client. */
export interface WaitingDevice extends StoredDevice {
  readonly clientId: string
  readonly clientName: string
}

/** The device grants of a schema (RFC 8628). */
export interface DeviceStore {
  /** False when the user code is in use. */
  insert(deviceCode: string, userCode: string, device: NewDevice): Promise<boolean>
  find(deviceCode: string): Promise<StoredDevice | undefined>
  /** A device that is waiting for its user. */
  findWaiting(userCode: string): Promise<WaitingDevice | undefined>
  /** Assigns a waiting device to a user; false when it no longer waits. */
  approve(deviceHash: Buffer, userCode: string, subject: string, now: number): Promise<boolean>
  polled(deviceHash: Buffer, now: number): Promise<void>
  remove(deviceHash: Buffer): Promise<void>
}

export interface NewDevice {
  readonly applicationId: number
  readonly scopes: string
  readonly now: number
  readonly lifetime: number
}

/** Opens the device grants of a schema. */
export function createDeviceStore(database: Database, schema: string): DeviceStore {
  const devices = `${schema}.device_grants`
  const columns = `d.device_hash as "deviceHash", d.application_id as "applicationId", d.scopes, d.subject,
  (extract(epoch from d.created_at) * 1000)::float8 as "createdAt", d.expires_in as "expiresIn",
  (extract(epoch from d.last_polled_at) * 1000)::float8 as "lastPolledAt"`
  const sql = namedBrief(schema, {
    insertDevice: `insert into ${devices} (device_hash, user_code_hash, application_id, scopes, created_at, expires_in)
values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning device_hash`,
    findDevice: `select ${columns} from ${devices} d
left join ${hasEnded(schema, 'd', 'coalesce(d.approved_at, d.created_at)')}
where d.device_hash = $1 and ended.subject is null`,
    findWaitingDevice: `select ${columns}, a.client_id as "clientId", a.name as "clientName"
from ${devices} d join ${schema}.applications a on a.id = d.application_id where d.user_code_hash = $1`,
    approveDevice: `update ${devices} set subject = $3, user_code_hash = null, approved_at = $4
where device_hash = $1 and user_code_hash = $2 returning device_hash`,
    polledDevice: `update ${devices} set last_polled_at = $2 where device_hash = $1`,
    removeDevice: `delete from ${devices} where device_hash = $1`,
  })
  return {
    async insert(deviceCode, userCode, device) {
      const values = [digestOf(deviceCode), digestOf(userCode), device.applicationId, device.scopes]
      const rows = await database.query(sql.insertDevice, [...values, new Date(device.now), device.lifetime])
      return rows.length > 0
    },
    find: async (deviceCode) => (await database.query<StoredDevice>(sql.findDevice, [digestOf(deviceCode)]))[0],
    findWaiting: async (userCode) =>
      (await database.query<WaitingDevice>(sql.findWaitingDevice, [digestOf(userCode)]))[0],
    async approve(deviceHash, userCode, subject, now) {
      const rows = await database.query(sql.approveDevice, [deviceHash, digestOf(userCode), subject, new Date(now)])
      return rows.length > 0
    },
    async polled(deviceHash, now) {
      await database.query(sql.polledDevice, [deviceHash, new Date(now)])
    },
    async remove(deviceHash) {
      await database.query(sql.removeDevice, [deviceHash])
    },
  }
}
