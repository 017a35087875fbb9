import type { Queryable } from '../../storage/index.ts'
import { type AuditEntry, type AuditEvent, type ChainHead, NO_ENTRIES, nextEntry, type SealedEntry } from './entry.ts'

/** The table of the log. */
export interface AuditPlace {
  readonly database: Queryable
  readonly schema: string
}

/** A row of the table. */
export interface StoredEntry {
  readonly number: number
  readonly entry: AuditEntry
  readonly hash: string
}

/**
 * Adds an entry in the transaction of the change it records. The transaction must hold the lock on the clock's row,
 * which keeps the chain linear; other code uses `record` of `store.write`. The entry follows the newest one ever noted,
 * even if that one has been removed, so that the gap remains visible.
 */
export async function appendEntry(tx: Queryable, schema: string, event: AuditEvent): Promise<SealedEntry> {
  const place = { database: tx, schema }
  const [held, noted] = [await chainHead(place), await notedHead(place)]
  const last = noted.number > held.number ? noted : held
  // Not now(): that is the start of the transaction, which may have waited for another one.
  const [clock] = await tx.query<{ at: string }>(
    `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
  )
  if (clock === undefined) throw new Error('the database returned no time')
  const { hash, ...entry } = nextEntry(last, clock.at, event)
  await tx.query(`insert into ${schema}.audit_log (number, entry, hash) values ($1, $2, $3)`, [
    entry.number,
    JSON.stringify(entry),
    hash,
  ])
  await tx.query(`update ${schema}.clock set audit_number = $1, audit_hash = $2`, [entry.number, hash])
  return { ...entry, hash }
}

/** The newest entry, as noted outside the log when it was written. */
export async function notedHead({ database, schema }: AuditPlace): Promise<ChainHead> {
  const [noted] = await database.query<ChainHead>(
    `select audit_number as number, audit_hash as hash from ${schema}.clock where audit_number > 0`,
  )
  return noted ?? NO_ENTRIES
}

/** The newest entry's number and hash. */
export async function chainHead({ database, schema }: AuditPlace): Promise<ChainHead> {
  const [last] = await database.query<ChainHead>(
    `select number, hash from ${schema}.audit_log order by number desc limit 1`,
  )
  return last ?? NO_ENTRIES
}

/** One entry; undefined if there is none with this number. */
export async function readEntry({ database, schema }: AuditPlace, number: number): Promise<StoredEntry | undefined> {
  const [row] = await database.query<StoredEntry>(
    `select number, entry, hash from ${schema}.audit_log where number = $1`,
    [number],
  )
  return row
}

/** The filter of entries; an absent field matches everything. Times are in the format of the entries. */
export interface AuditFilter {
  readonly environment?: string | undefined
  readonly subject?: string | undefined
  readonly by?: string | undefined
  readonly action?: string | undefined
  readonly correlation_id?: string | undefined
  readonly since?: string | undefined
  /** Exclusive upper bound. */
  readonly until?: string | undefined
}

const FIELDS = ['environment', 'subject', 'by', 'action', 'correlation_id'] as const

/** A part of the log: entries after a number, oldest first, or before one, newest first. */
export type Piece = { readonly after: number } | { readonly before: number | undefined }

/** Reads up to `limit` entries of a part of the log. */
export function readEntries(
  { database, schema }: AuditPlace,
  filter: AuditFilter,
  piece: Piece,
  limit: number,
): Promise<StoredEntry[]> {
  const values: unknown[] = []
  const conditions: string[] = []
  const ask = (condition: string, value: unknown) => {
    if (value === undefined) return
    values.push(value)
    conditions.push(`${condition} $${values.length}`)
  }
  for (const field of FIELDS) ask(`entry ->> '${field}' =`, filter[field])
  ask(`(entry ->> 'at') collate "C" >=`, filter.since)
  ask(`(entry ->> 'at') collate "C" <`, filter.until)
  if ('after' in piece) ask('number >', piece.after)
  else ask('number <', piece.before)
  const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`
  const order = 'after' in piece ? 'number' : 'number desc'
  return database.query<StoredEntry>(
    `select number, entry, hash from ${schema}.audit_log${where} order by ${order} limit ${Math.trunc(limit)}`,
    values,
  )
}

/** All entries, oldest first, read in pages so that they do not all have to be in memory. */
export async function* allEntries(place: AuditPlace, filter: AuditFilter = {}): AsyncGenerator<StoredEntry> {
  for (let after = 0; ; ) {
    const page = await readEntries(place, filter, { after }, PAGE)
    yield* page
    if (page.length < PAGE) return
    after = page.at(-1)?.number ?? after
  }
}

const PAGE = 500
