import { z } from 'zod'

/**
 * A snapshot is everything a gateway needs to decide alone: one environment's flag gates and every application.
 * It travels (stream) and rests (file) as NDJSON: a `begin` line, `applications` lines of at most 1,000 rows, one
 * `end` line that carries the count, so that a truncated snapshot shows. On the stream, `change` lines follow, each
 * from one version to the next, and `heartbeat` lines in between.
 */
export const SNAPSHOT_FORMAT = 1
export const SNAPSHOT_CHUNK = 1_000

/** One application: id, client_id, and 1 when IAM holds its current version (0: it may not be routed there yet). */
export const applicationRowSchema = z.tuple([
  z.int().positive(),
  z.string().min(1).max(255),
  z.union([z.literal(0), z.literal(1)]),
])
export type ApplicationRow = z.infer<typeof applicationRowSchema>

/** The gates of one flag in one environment, OR-ed; `opted_out` beats them all. Actors are flag actor ids. */
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
 * Tells a version from another one of the same number, such as one that a database lost and used again. Random, empty
 * for a version that no change led to; an older control plane sends none.
 */
const stamp = z.string().max(64).optional()
const flags = z.record(z.string(), flagGatesSchema)

export const beginLineSchema = z.object({
  type: z.literal('begin'),
  format: z.literal(SNAPSHOT_FORMAT),
  environment: z.string(),
  /** Names the life of the control plane's database; versions are comparable within one epoch only. */
  epoch: z.string().optional(),
  version,
  stamp,
  /** The brake as the control plane has it. */
  brake: z.boolean(),
  flags,
})
export const applicationsLineSchema = z.object({
  type: z.literal('applications'),
  rows: z.array(applicationRowSchema).max(SNAPSHOT_CHUNK),
})
export const endLineSchema = z.object({ type: z.literal('end'), version, applications: z.int().nonnegative() })
/** What changed between two versions. `flags` holds the flags that changed, whole; `removed` the client_ids that are gone. */
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
/** Sent at least every 2 s while nothing changes; `version` lets a gateway see that it missed something. */
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
 * GET on the control plane, bearer token of role `gateway`. Query: `environment`, and `since`, `epoch` and `stamp`
 * (the version held) to resume: the answer then begins with `change` lines when the control plane still has them and
 * holds the same version, else with a `begin`.
 */
export const SNAPSHOT_STREAM_PATH = '/api/v1/snapshot/stream'
