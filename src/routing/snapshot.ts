import { z } from 'zod'

/**
 * A snapshot is everything a gateway needs to decide alone: one environment's flag gates and all applications. The
 * stream and the file both use NDJSON: a `begin` line, `applications` lines of at most 1,000 rows, one `end` line with
 * the count, which reveals a truncated snapshot. On the stream, `change` lines follow, each from one version to the
 * next, and `heartbeat` lines in between.
 */
export const SNAPSHOT_FORMAT = 1
export const SNAPSHOT_CHUNK = 1_000

/** One application: id, client_id, and 1 if IAM holds its current version (0: it must not be routed there yet). */
export const applicationRowSchema = z.tuple([
  z.int().positive(),
  z.string().min(1).max(255),
  z.union([z.literal(0), z.literal(1)]),
])
export type ApplicationRow = z.infer<typeof applicationRowSchema>

/** The gates of one flag in one environment, OR-ed; `opted_out` overrides them all. Actors are flag actor ids. */
export const flagGatesSchema = z.object({
  boolean: z.boolean(),
  actors: z.array(z.string()),
  /** 0 to 100, at most three decimals. */
  percentage_of_actors: z.number().min(0).max(100),
  opted_out: z.array(z.string()),
})
export type FlagGates = z.infer<typeof flagGatesSchema>

const version = z.int().nonnegative()
/**
 * Distinguishes a version from another one with the same number, such as one that a database lost and reused. Random,
 * empty for a version without a change; an older control plane sends none.
 */
const stamp = z.string().max(64).optional()
const flags = z.record(z.string(), flagGatesSchema)

export const beginLineSchema = z.object({
  type: z.literal('begin'),
  format: z.literal(SNAPSHOT_FORMAT),
  environment: z.string(),
  /** Identifies the life of the control plane's database; versions are comparable within one epoch only. */
  epoch: z.string().optional(),
  version,
  stamp,
  /** Whether the control plane holds the brake. */
  brake: z.boolean(),
  flags,
})
export const applicationsLineSchema = z.object({
  type: z.literal('applications'),
  rows: z.array(applicationRowSchema).max(SNAPSHOT_CHUNK),
})
export const endLineSchema = z.object({ type: z.literal('end'), version, applications: z.int().nonnegative() })
/**
 * The difference between two versions. `flags` holds the changed flags, complete; `removed` the client_ids that no
 * longer exist.
 */
export const changeLineSchema = z.object({
  type: z.literal('change'),
  from: version,
  to: version,
  /** Of the version it leads to. */
  stamp,
  brake: z.boolean().optional(),
  flags: flags.optional(),
  removed_flags: z.array(z.string()).optional(),
  applications: z.array(applicationRowSchema).optional(),
  removed: z.array(z.string()).optional(),
})
/** Sent at least every 2 s while nothing changes; `version` lets a gateway detect that it missed something. */
export const heartbeatLineSchema = z.object({ type: z.literal('heartbeat'), version, stamp, at: z.number() })

export const snapshotLineSchema = z.discriminatedUnion('type', [
  beginLineSchema,
  applicationsLineSchema,
  endLineSchema,
  changeLineSchema,
  heartbeatLineSchema,
])
export type SnapshotLine = z.infer<typeof snapshotLineSchema>

/**
 * GET on the control plane, bearer token of role `gateway`. Query: `environment`, and `since`, `epoch` and `stamp` (the
 * held version) to resume: the response then begins with `change` lines if the control plane still has them and holds
 * the same version, otherwise with a `begin`.
 */
export const SNAPSHOT_STREAM_PATH = '/api/v1/snapshot/stream'
