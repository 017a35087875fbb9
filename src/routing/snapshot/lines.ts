import { z } from 'zod'

/**
 * A snapshot is everything a gateway needs to decide alone: one environment's flag gates and all applications. The
 * stream and the file both consist of lines of JSON: a `begin` line, the applications, and an `end` line with their
 * count, which reveals a truncated snapshot. On the stream, `change` lines follow, each from one version to the next,
 * and `heartbeat` lines in between.
 *
 * Format 1 is NDJSON: `applications` lines of at most 1,000 rows. Format 2 has `members` lines for the actors of
 * flags, and `block` lines, each followed by that many bytes of rows as gateways hold them in memory (ADR 34); its
 * changes list only the actors that came or went.
 */
export const SNAPSHOT_FORMAT = 1
export const SNAPSHOT_BLOCK_FORMAT = 2
export const SNAPSHOT_CHUNK = 1_000
/** The largest block: 256 KiB. */
export const MAX_BLOCK_BYTES = 256 << 10
/** The most actors in one line of format 2, and how many a `members` line has, so that no line takes long to read. */
export const MAX_MEMBERS = 10_000
export const MEMBERS_CHUNK = 1_000

/** The media types of the two formats; a reader that accepts the second may still receive the first. */
export const SNAPSHOT_MEDIA_TYPES = {
  [SNAPSHOT_FORMAT]: 'application/x-ndjson',
  [SNAPSHOT_BLOCK_FORMAT]: 'application/vnd.handover.snapshot',
} as const
export type SnapshotFormat = keyof typeof SNAPSHOT_MEDIA_TYPES

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

const membersStepSchema = z.object({
  added: z.array(z.string()).max(MAX_MEMBERS).optional(),
  removed: z.array(z.string()).max(MAX_MEMBERS).optional(),
})
/** What changed in the gates of one flag; what is left out stays as it is. */
export const gatesStepSchema = z.object({
  boolean: z.boolean().optional(),
  actors: membersStepSchema.optional(),
  percentage_of_actors: z.number().min(0).max(100).optional(),
  opted_out: membersStepSchema.optional(),
})
export type GatesStep = z.infer<typeof gatesStepSchema>

const version = z.int().nonnegative()
/**
 * Distinguishes a version from another one with the same number, such as one that a database lost and reused. Random,
 * empty for a version without a change; an older control plane sends none.
 */
const stamp = z.string().max(64).optional()
const flags = z.record(z.string(), flagGatesSchema)

export const beginLineSchema = z.object({
  type: z.literal('begin'),
  format: z.union([z.literal(SNAPSHOT_FORMAT), z.literal(SNAPSHOT_BLOCK_FORMAT)]),
  environment: z.string(),
  /** Identifies the life of the control plane's database; versions are comparable within one epoch only. */
  epoch: z.string().optional(),
  version,
  stamp,
  /** Whether the control plane holds the brake. */
  brake: z.boolean(),
  /** In format 2 without the actors, which follow in `members` lines. */
  flags,
  /** How many applications follow, as a hint; in format 2 only. */
  applications: z.int().nonnegative().optional(),
})
export const applicationsLineSchema = z.object({
  type: z.literal('applications'),
  rows: z.array(applicationRowSchema).max(SNAPSHOT_CHUNK),
})
/** Some actors of one flag; in format 2 only. */
export const membersLineSchema = z.object({
  type: z.literal('members'),
  flag: z.string(),
  actors: z.array(z.string()).max(MAX_MEMBERS).optional(),
  opted_out: z.array(z.string()).max(MAX_MEMBERS).optional(),
})
/** Announces that many bytes of rows, with their checksum, directly behind this line; in format 2 only. */
export const blockLineSchema = z.object({
  type: z.literal('block'),
  rows: z.int().positive(),
  bytes: z.int().positive().max(MAX_BLOCK_BYTES).multipleOf(8),
  crc32: z.int().nonnegative(),
})
/** Ends a snapshot; `members` is the number of actors in its `members` lines. */
export const endLineSchema = z.object({
  type: z.literal('end'),
  version,
  applications: z.int().nonnegative(),
  members: z.int().nonnegative().optional(),
})
/**
 * The difference between two versions. `flags` holds changed flags, complete; `gates` what changed in others (format 2
 * only); `removed` the client_ids that no longer exist.
 */
export const changeLineSchema = z.object({
  type: z.literal('change'),
  from: version,
  to: version,
  /** Of the version it leads to. */
  stamp,
  brake: z.boolean().optional(),
  flags: flags.optional(),
  gates: z.record(z.string(), gatesStepSchema).optional(),
  removed_flags: z.array(z.string()).optional(),
  applications: z.array(applicationRowSchema).max(SNAPSHOT_CHUNK).optional(),
  removed: z.array(z.string()).max(SNAPSHOT_CHUNK).optional(),
})
/** Sent at least every 2 s while nothing changes; `version` lets a gateway detect that it missed something. */
export const heartbeatLineSchema = z.object({ type: z.literal('heartbeat'), version, stamp, at: z.number() })

export const snapshotLineSchema = z.discriminatedUnion('type', [
  beginLineSchema,
  membersLineSchema,
  applicationsLineSchema,
  blockLineSchema,
  endLineSchema,
  changeLineSchema,
  heartbeatLineSchema,
])
export type SnapshotLine = z.infer<typeof snapshotLineSchema>
/** The lines of one type. */
export type Line<Type extends SnapshotLine['type']> = Extract<SnapshotLine, { type: Type }>

/**
 * GET on the control plane, bearer token of role `gateway`. Query: `environment`, and `since`, `epoch` and `stamp` (the
 * held version) to resume: the response then begins with `change` lines if the control plane still has them and holds
 * the same version, otherwise with a `begin`. `Accept` selects the format ({@link SNAPSHOT_MEDIA_TYPES}), format 1 by
 * default.
 */
export const SNAPSHOT_STREAM_PATH = '/api/v1/snapshot/stream'
