import { randomFillSync } from 'node:crypto'

/** A position in a trace (W3C Trace Context). */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  /** Whether its spans are recorded. */
  readonly isSampled: boolean
}

const SHAPE = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/
const LENGTH_OF_VERSION_00 = 55

/** Parses a `traceparent` (W3C Trace Context §3.2); undefined if it is missing or invalid. */
export function parseTraceparent(value: string | string[] | undefined): TraceContext | undefined {
  if (typeof value !== 'string' || value.length > 512) return undefined
  const [, version, traceId, spanId, flags] = SHAPE.exec(value) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (version === '00' && value.length !== LENGTH_OF_VERSION_00) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** Formats a context as a `traceparent`. */
export function traceparentOf({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`
}

const POOL = Buffer.alloc(4_096)
let used = POOL.length

/** Returns random hex digits for a trace (16 bytes) or a span (8 bytes). */
export function randomId(bytes: 8 | 16): string {
  if (used + bytes > POOL.length) {
    randomFillSync(POOL)
    used = 0
  }
  const id = POOL.toString('hex', used, used + bytes)
  used += bytes
  return id
}

/** Whether a trace belongs to the sampled share in percent; the same result in every process at any time. */
export function isWithinShare(traceId: string, percent: number): boolean {
  return Number.parseInt(traceId.slice(-8), 16) < (percent / 100) * 2 ** 32
}
