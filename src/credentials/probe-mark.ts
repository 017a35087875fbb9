import { createHmac, timingSafeEqual } from 'node:crypto'

/** The request header that carries a mark; the gateway never forwards it. */
export const PROBE_MARK_HEADER = 'x-handover-probe'

/** What the bearer of a mark may ask the gateway for. A mark is valid for one client, for a minute at most. */
export interface ProbeMark {
  /** The application that is probed: the mark has no effect on requests of any other. */
  readonly clientId: string
  /** The side that new flows go to, whatever the flag says; undefined follows the flag. */
  readonly side: 'legacy' | 'iam' | undefined
  /** Handle the request as if IAM could not be reached: the fail-open drill. */
  readonly cannotReachIam: boolean
}

const SHAPE = /^([A-Za-z0-9_-]{1,600})\.([A-Za-z0-9_-]{43})$/
const LIFETIME_S = 60

/**
 * Issues a mark that is valid for 60 s: its fields and an HMAC-SHA-256 over them.
 *
 * @param now seconds since the epoch
 */
export function issueProbeMark(mark: ProbeMark, key: Uint8Array, now: number): string {
  const fields = [mark.clientId, mark.side ?? null, mark.cannotReachIam, Math.floor(now) + LIFETIME_S]
  const text = Buffer.from(JSON.stringify(fields)).toString('base64url')
  return `${text}.${sign(text, key)}`
}

/**
 * Reads a mark; undefined for one that was not issued with this key, has expired at `now` (seconds since the epoch), or
 * claims to live for more than 60 s.
 */
export function readProbeMark(mark: string, key: Uint8Array, now: number): ProbeMark | undefined {
  const match = SHAPE.exec(mark)
  if (match === null) return undefined
  const [, text = '', signature = ''] = match
  if (!timingSafeEqual(Buffer.from(sign(text, key)), Buffer.from(signature))) return undefined
  const [clientId, side, cannotReachIam, expiry] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[]
  if (typeof clientId !== 'string' || typeof expiry !== 'number') return undefined
  if (expiry <= now || expiry > now + CLOCK_DIFFERENCE_S + LIFETIME_S) return undefined
  return {
    clientId,
    side: side === 'legacy' || side === 'iam' ? side : undefined,
    cannotReachIam: cannotReachIam === true,
  }
}

/** By how much the clocks of two machines may differ. */
const CLOCK_DIFFERENCE_S = 30

function sign(text: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(`handover probe mark\n${text}`).digest('base64url')
}
