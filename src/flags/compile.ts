import { crc32 } from 'node:zlib'
import { ACTOR_TYPE } from '../applications/index.ts'
import { BUCKETS } from './bucket.ts'

/** The gates that a compiled flag supports: those of a snapshot. */
export interface RoutingGates {
  readonly boolean: boolean
  readonly actors: readonly string[]
  readonly percentage_of_actors: number
  readonly opted_out: readonly string[]
}

/** Whether a flag is on for the application of this id. */
export type FlagEvaluator = (applicationId: number) => boolean

/**
 * Compiles a flag for applications into an evaluator that allocates nothing: the checksum of the constant part is
 * computed once, and each evaluation adds only the digits of the id. Returns the same as {@link evaluateFlag} for
 * `Authn::OauthApplication:<id>` for every positive safe integer; actors of other types are ignored.
 */
export function compileFlag(flag: string, gates: RoutingGates): FlagEvaluator {
  return compileGates(flag, { ...gates, actors: idsOf(gates.actors), opted_out: idsOf(gates.opted_out) })
}

/** The gates of a flag for applications alone, with the ids of the actors. */
export interface ApplicationGates {
  readonly boolean: boolean
  readonly actors: ReadonlySet<number>
  readonly percentage_of_actors: number
  readonly opted_out: ReadonlySet<number>
}

/** Like {@link compileFlag}, in constant time. Compile again when a set has changed. */
export function compileGates(flag: string, gates: ApplicationGates): FlagEvaluator {
  const { actors, opted_out: optedOut } = gates
  const threshold = gates.percentage_of_actors * 1_000
  const prefix = crc32(`${flag}${ACTOR_TYPE}:`)
  if (gates.boolean || threshold >= BUCKETS) {
    return optedOut.size === 0 ? () => true : (id) => !optedOut.has(id)
  }
  if (threshold <= 0 && actors.size === 0) return () => false
  if (threshold <= 0) return (id) => actors.has(id) && !optedOut.has(id)
  return (id) => !optedOut.has(id) && (actors.has(id) || bucketOfDigits(prefix, id) < threshold)
}

const APPLICATION_ACTOR = new RegExp(`^${ACTOR_TYPE}:([1-9]\\d{0,15})$`)

/** The id in the actor of an application; undefined for an actor of another type. */
export function applicationIdOf(actor: string): number | undefined {
  const match = APPLICATION_ACTOR.exec(actor)
  if (!match) return undefined
  const id = Number(match[1])
  return Number.isSafeInteger(id) ? id : undefined
}

function idsOf(actors: readonly string[]): Set<number> {
  return new Set(actors.map(applicationIdOf).filter((id) => id !== undefined))
}

const CRC_TABLE = crcTable()
const DIGITS = new Uint8Array(16)

/** `crc32(prefix text + decimal digits) % 100000`, from the checksum of the prefix. */
function bucketOfDigits(prefix: number, id: number): number {
  let at = DIGITS.length
  let rest = id
  while (rest > 0x7fff_ffff) {
    // Beyond 32 bits, the engine cannot use its fast integer arithmetic.
    const tenth = Math.floor(rest / 10)
    DIGITS[--at] = rest - tenth * 10
    rest = tenth
  }
  let small = rest | 0
  do {
    const tenth = (small / 10) | 0
    DIGITS[--at] = small - tenth * 10
    small = tenth
  } while (small > 0)
  let crc = ~prefix
  for (; at < DIGITS.length; at++) {
    crc = (CRC_TABLE[(crc ^ (0x30 + (DIGITS[at] as number))) & 0xff] as number) ^ (crc >>> 8)
  }
  return (~crc >>> 0) % BUCKETS
}

function crcTable(): Int32Array {
  const table = new Int32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1
    table[byte] = value
  }
  return table
}
