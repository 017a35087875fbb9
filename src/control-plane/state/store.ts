import { randomUUID } from 'node:crypto'
import type { Environment, FlagState } from '../../flags/index.ts'
import type { Database, Queryable } from '../../storage/index.ts'
import { appendEntry } from '../audit/audit-log.ts'
import type { AuditEvent, SealedEntry } from '../audit/entry.ts'
import type { ApplicationRecord, Brake, Change, Position, VersionedChange } from './model.ts'

/** How many changes are kept for streams to resume from. */
export const KEPT_CHANGES = 20_000
const PRUNE_EVERY = 1_000
const LOAD_PAGE = 1_000

/** The whole state at one version, as read from the database. */
export interface StoredWorld extends Position {
  readonly applications: readonly ApplicationRecord[]
  readonly flags: ReadonlyArray<{ environment: Environment; name: string; state: FlagState; version: number }>
  readonly brakes: ReadonlyArray<{ environment: Environment } & Brake>
}

/** A part of the history as the database currently has it. */
export interface History {
  readonly epoch: string
  readonly newest: number
  /** Oldest first. */
  readonly changes: readonly VersionedChange[]
}

/** The result of a write: one change, which becomes the next version, or nothing; and the value for the caller. */
export interface Written<Result> {
  readonly change: Change | undefined
  readonly result: Result
}

/** The result of a write of several changes, which become the next versions in their order. */
export interface WrittenChanges<Result> {
  readonly changes: readonly Change[]
  readonly result: Result
}

/** A transaction that excludes all other writes. */
export interface WriteTransaction extends Queryable {
  /** Records what the transaction does as an entry of the audit log; without the entry the transaction fails. */
  record(event: AuditEvent): Promise<SealedEntry>
}

/** The control plane's tables. */
export interface Store {
  readonly schema: string
  readonly database: Database
  /** The notification channel on which every new version is announced, after its commit. */
  readonly channel: string
  load(): Promise<StoredWorld>
  /** Up to `limit` changes, starting with the one that led to `version`. */
  historyFrom(version: number, limit: number): Promise<History>
  /**
   * Begins a new epoch at a version above `above`, so that no version of the previous epoch is reused. Does nothing and
   * resolves to false if the epoch is no longer `epoch`.
   */
  beginEpoch(epoch: string, above: number, event: AuditEvent): Promise<boolean>
  /**
   * Runs a write exclusively: no other write of any replica happens at the same time. `work` receives the version that
   * the write will have if it changes something.
   */
  write<Result>(work: (tx: WriteTransaction, version: number) => Promise<Written<Result>>): Promise<Result>
  /** The same for a write of any number of changes. */
  writeAll<Result>(work: (tx: WriteTransaction) => Promise<WrittenChanges<Result>>): Promise<Result>
}

/** Called for every record, within its transaction; `version` is that of the write. */
export type OnRecord = (tx: Queryable, event: AuditEvent, version: number) => Promise<void>

/** Records an event that changes no other table: a sign-in or a refusal. */
export function recordEvent(store: Store, event: AuditEvent): Promise<SealedEntry> {
  return store.write(async (tx) => ({ change: undefined, result: await tx.record(event) }))
}

/** Opens the tables of `schema`, which must have been migrated. */
export function openStore(database: Database, schema: string, onRecord: OnRecord = async () => {}): Store {
  const channel = `${schema}_changes`
  const place: Place = { database, schema, channel }
  return {
    schema,
    database,
    channel,
    load: () => load(database, schema),
    async historyFrom(version, limit) {
      const rows = await database.query<{ epoch: string; newest: number } & Partial<VersionedChange>>(
        {
          name: `${schema}_history_from`,
          text: `select clock.epoch, clock.version as newest, held.version, held.change, held.stamp
            from ${schema}.clock left join lateral (
              select version, change, stamp from ${schema}.changes where version >= $1 order by version limit $2
            ) held on true order by held.version`,
        },
        [version, limit],
      )
      const [first] = rows
      if (first === undefined) throw new Error(`schema ${schema} has no clock`)
      const changes = rows.filter((row): row is typeof row & VersionedChange => typeof row.version === 'number')
      return { epoch: first.epoch, newest: first.newest, changes }
    },
    beginEpoch: (epoch, above, event) =>
      database.transaction(async (tx) => {
        const [clock] = await tx.query<{ epoch: string }>(`select epoch from ${schema}.clock for update`)
        if (clock?.epoch !== epoch) return false
        await tx.query(`update ${schema}.clock set epoch = $1, version = greatest(version, $2) + 1`, [
          randomUUID(),
          above,
        ])
        await appendEntry(tx, schema, event)
        await database.notify(channel, 'epoch', tx)
        return true
      }),
    write: (work) =>
      writeChanges(place, onRecord, async (tx, version) => {
        const { change, result } = await work(tx, version)
        return { changes: change === undefined ? [] : [change], result }
      }),
    writeAll: (work) => writeChanges(place, onRecord, work),
  }
}

interface Place {
  readonly database: Database
  readonly schema: string
  readonly channel: string
}

function writeChanges<Result>(
  { database, schema, channel }: Place,
  onRecord: OnRecord,
  work: (tx: WriteTransaction, version: number) => Promise<WrittenChanges<Result>>,
): Promise<Result> {
  return database.transaction(async (tx) => {
    const [clock] = await tx.query<{ version: number }>(`select version from ${schema}.clock for update`)
    const before = clock?.version ?? 0
    const recording: WriteTransaction = {
      query: (statement, values) => tx.query(statement, values),
      async record(event) {
        const entry = await appendEntry(tx, schema, event)
        await onRecord(tx, event, before + 1)
        return entry
      },
    }
    const { changes, result } = await work(recording, before + 1)
    if (changes.length === 0) return result
    const version = before + changes.length
    await tx.query(
      `insert into ${schema}.changes (version, change)
        select $1::bigint + place, change from jsonb_array_elements($2::jsonb) with ordinality as step (change, place)`,
      [before, JSON.stringify(changes)],
    )
    await tx.query(`update ${schema}.clock set version = $1`, [version])
    if (Math.floor(before / PRUNE_EVERY) < Math.floor(version / PRUNE_EVERY)) {
      await tx.query(`delete from ${schema}.changes where version <= $1`, [version - KEPT_CHANGES])
    }
    await database.notify(channel, String(version), tx)
    return result
  })
}

async function load(database: Database, schema: string): Promise<StoredWorld> {
  return database.transaction(async (tx) => {
    await tx.query('set transaction isolation level repeatable read')
    const [clock] = await tx.query<Position>(
      `select epoch, clock.version, coalesce(stamp, '') as stamp
        from ${schema}.clock left join ${schema}.changes on changes.version = clock.version`,
    )
    if (!clock) throw new Error(`schema ${schema} has no clock`)
    const flags = await tx.query<StoredWorld['flags'][number]>(
      `select environment, name, state, version from ${schema}.flags`,
    )
    const brakes = await tx.query<StoredWorld['brakes'][number]>(
      `select environment, is_on as on, reason from ${schema}.brakes`,
    )
    const applications: ApplicationRecord[] = []
    for (let last = 0; ; ) {
      const page = await tx.query<ApplicationRecord>(
        `select id, client_id, version, iam_version, document ->> 'name' as name from ${schema}.applications
          where id > $1 and not is_removed order by id limit ${LOAD_PAGE}`,
        [last],
      )
      for (const row of page) applications.push(row)
      last = page.at(-1)?.id ?? last
      if (page.length < LOAD_PAGE) break
    }
    return { ...clock, applications, flags, brakes }
  })
}
