import { randomUUID } from 'node:crypto'
import type { Environment } from '../../flags/index.ts'
import type { Log } from '../../observability/index.ts'
import type { GatewayReport } from '../../routing/index.ts'
import type { Position } from '../state/model.ts'
import type { Store } from '../state/store.ts'
import { freshRecord, type GatewayRecord, gatewayKey, mergeRecords, withReport } from './gateway-record.ts'

const SHARE_MS = 2_000
/** A record that another replica wrote longer ago than this is ignored. */
const STALE_MS = 10_000
/** How long a disconnected gateway remains listed. */
const REMEMBERED_MS = 5 * 60_000
const MAX_GATEWAYS = 5_000

/** How the reader of a stream identifies itself; an older gateway does not. */
export interface StreamReader {
  readonly environment: Environment
  readonly instance?: string | undefined
  readonly name?: string | undefined
  readonly version?: string | undefined
  readonly commit?: string | undefined
}

interface Held {
  record: GatewayRecord
  streams: number
  behindSince: number | undefined
}

/**
 * The gateways that follow this control plane. Each replica knows those that talk to it, and writes its records to the
 * database every 2 s, so that every replica can list all of them.
 */
export class GatewayRegistry {
  readonly #store: Store
  readonly #log: Log
  readonly #newest: () => Position
  readonly #iamByDefault: ReadonlySet<Environment>
  readonly #replica = randomUUID()
  readonly #held = new Map<string, Held>()
  readonly #timer: NodeJS.Timeout
  #sharing: Promise<void> | undefined
  #hasShared = false
  #isFailing = false

  /**
   * `newest` returns the version that gateways should hold, `iamByDefault` the environments in which this replica sends
   * new flows to IAM without a flag.
   */
  constructor(store: Store, log: Log, newest: () => Position, iamByDefault: ReadonlySet<Environment> = new Set()) {
    this.#iamByDefault = iamByDefault
    this.#store = store
    this.#log = log
    this.#newest = newest
    this.#timer = setInterval(() => this.#shareInTurn(), SHARE_MS)
  }

  /** Call this when a stream opens; the returned function must be called when it ends. */
  connected(reader: StreamReader): () => void {
    const now = Date.now()
    const instance = reader.instance ?? randomUUID()
    const held = this.#hold(instance, reader.environment, now)
    const { name, version, commit } = held.record
    held.streams++
    held.record = {
      ...held.record,
      name: reader.name ?? name,
      version: reader.version ?? version,
      commit: reader.commit ?? commit,
      isConnected: true,
      connectedAt: now,
      heardAt: now,
    }
    return () => {
      held.streams--
      if (held.streams > 0) return
      held.record = { ...held.record, isConnected: false, heardAt: Date.now() }
      if (reader.instance === undefined) this.#held.delete(gatewayKey(held.record))
    }
  }

  /** Stores the report of a gateway. */
  reported(report: GatewayReport): void {
    const now = Date.now()
    const held = this.#hold(report.instance, report.environment, now)
    held.record = withReport(held.record, report, now)
    if (isUpToDate(report, this.#newest())) held.behindSince = undefined
    else held.behindSince ??= now
  }

  /** A new version exists: gateways that have not reported it yet are behind from now on. */
  superseded(): void {
    const now = Date.now()
    for (const held of this.#held.values()) held.behindSince ??= now
  }

  /** The gateways of this replica. */
  own(): GatewayRecord[] {
    this.#forget()
    return [...this.#held.values()].map(({ record, behindSince }) => ({
      ...record,
      behindMs: record.isCircuitOpen === null ? null : behindSince === undefined ? 0 : Date.now() - behindSince,
    }))
  }

  /** The gateways of all replicas. Rejects if the database does not answer. */
  async all(): Promise<GatewayRecord[]> {
    const rows = await this.#store.database.query<{ gateways: GatewayRecord[] }>(
      `select gateways from ${this.#store.schema}.gateway_reports
        where replica <> $1 and reported_at > now() - make_interval(secs => $2)`,
      [this.#replica, STALE_MS / 1_000],
    )
    return mergeRecords([this.own(), ...rows.map(({ gateways }) => gateways)])
  }

  /** How many other replicas that gateways follow do not send an environment's new flows to IAM without a flag. */
  async withoutIamByDefault(environment: Environment): Promise<number> {
    const rows = await this.#store.database.query<{ iam_by_default: string[] }>(
      `select iam_by_default from ${this.#store.schema}.gateway_reports
        where replica <> $1 and reported_at > now() - make_interval(secs => $2)`,
      [this.#replica, STALE_MS / 1_000],
    )
    return rows.filter((row) => !row.iam_by_default.includes(environment)).length
  }

  /** Writes the records at once, and not only after 2 s. */
  async share(): Promise<void> {
    if (this.#held.size === 0 && !this.#hasShared) return
    const { schema, database } = this.#store
    await database.query(
      `insert into ${schema}.gateway_reports (replica, gateways, iam_by_default) values ($1, $2, $3)
        on conflict (replica) do update set gateways = excluded.gateways, reported_at = now()`,
      [this.#replica, JSON.stringify(this.own()), JSON.stringify([...this.#iamByDefault])],
    )
    if (!this.#hasShared)
      await database.query(`delete from ${schema}.gateway_reports where reported_at < now() - interval '1 day'`)
    this.#hasShared = true
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sharing
    if (!this.#hasShared) return
    await this.#store.database
      .query(`delete from ${this.#store.schema}.gateway_reports where replica = $1`, [this.#replica])
      .catch((error: unknown) => this.#log.debug({ err: error }, 'the reported gateways could not be withdrawn'))
  }

  #hold(instance: string, environment: string, now: number): Held {
    const key = gatewayKey({ environment, instance })
    const known = this.#held.get(key)
    if (known) return known
    if (this.#held.size >= MAX_GATEWAYS) this.#forgetOne()
    const held: Held = { record: freshRecord(instance, environment, now), streams: 0, behindSince: undefined }
    this.#held.set(key, held)
    return held
  }

  #forget(): void {
    const oldest = Date.now() - REMEMBERED_MS
    for (const [key, { record, streams }] of this.#held) {
      if (streams === 0 && record.heardAt < oldest) this.#held.delete(key)
    }
  }

  #forgetOne(): void {
    for (const [key, { streams }] of this.#held) {
      if (streams > 0) continue
      this.#held.delete(key)
      return
    }
  }

  #shareInTurn(): void {
    this.#sharing ??= this.share()
      .then(
        () => {
          this.#isFailing = false
        },
        (error: unknown) => {
          if (!this.#isFailing)
            this.#log.warn({ err: error }, 'gateway reports could not be shared with other replicas')
          this.#isFailing = true
        },
      )
      .finally(() => {
        this.#sharing = undefined
      })
  }
}

/** Only an older gateway, which knows just the number, can call a version beyond the newest up to date. */
function isUpToDate({ snapshotVersion, snapshotEpoch, snapshotStamp }: GatewayReport, newest: Position): boolean {
  if (snapshotVersion === null) return false
  if (snapshotStamp === undefined) return snapshotVersion >= newest.version
  return snapshotVersion === newest.version && snapshotStamp === newest.stamp && snapshotEpoch === newest.epoch
}
