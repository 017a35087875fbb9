import { createHash } from 'node:crypto'

/** The largest id that takes part in replication: larger ones are not exact in JSON (RFC 8259 §6). */
export const LARGEST_ID = Number.MAX_SAFE_INTEGER

/** What a digest says of one application. */
export interface DigestedApplication {
  readonly id: number
  readonly client_id: string
  readonly version: number
  /** The version that IAM has confirmed, where a copy keeps it. */
  readonly reported?: number | null
}

/**
 * The applications of one range of ids in short: how many there are, and the SHA-256 of their lines in the order of
 * ids, in hex. Ranges with equal digests hold the same applications in the same versions.
 */
export interface RangeDigest {
  readonly count: number
  readonly digest: string
}

/** The digest of applications, which must be in the order of their ids. */
export function rangeDigest(applications: readonly DigestedApplication[]): RangeDigest {
  const lines = applications.map(
    ({ id, version, reported, client_id }) => `${id} ${version} ${reported ?? '-'} ${client_id}`,
  )
  return { count: lines.length, digest: createHash('sha256').update(lines.join('\n')).digest('hex') }
}

/** The columns of a table that a digest reads; `where` restricts its rows. */
export interface DigestColumns {
  readonly id: string
  readonly clientId: string
  readonly version: string
  readonly reported?: string
  readonly where?: string
}

/**
 * The statement that computes the {@link rangeDigest} of each range of ids on the database: `$1` holds the ids after
 * which the ranges begin, `$2` the last id of each. The rows have the order of the ranges.
 */
export function rangeDigestStatement(from: string, { id, clientId, version, reported, where }: DigestColumns): string {
  const confirmed = reported === undefined ? `'-'` : `coalesce((${reported})::text, '-')`
  const line = `${id} || ' ' || ${version} || ' ' || ${confirmed} || ' ' || ${clientId}`
  return `select held.count::integer as count, held.digest
    from unnest($1::bigint[], $2::bigint[]) with ordinality as range (after, up_to, place), lateral (
      select count(*) as count,
        encode(sha256(convert_to(coalesce(string_agg(${line}, E'\\n' order by ${id}), ''), 'UTF8')), 'hex') as digest
      from ${from} where ${id} > range.after and ${id} <= range.up_to ${where === undefined ? '' : `and ${where}`}
    ) held order by range.place`
}

/** The parameters of a {@link rangeDigestStatement} for the ranges between successive bounds. */
export function rangesBetween(bounds: readonly number[]): [after: number[], upTo: number[]] {
  return [bounds.slice(0, -1), bounds.slice(1)]
}
