import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Destination } from './vocabulary.ts'

/**
 * How long a flow stays with the side that served its first page, in seconds. Consent pages of the monolith stay open
 * for hours, and only the monolith can handle their submission. A flow of IAM gets only as long as a page is usually
 * open: clients that send no `state` would otherwise stay there after a rollback of their application.
 */
export const FLOW_MARK_SECONDS = { legacy: 86_400, iam: 900 } as const
/** Prefix of the gateway's own cookies; neither side sees or sets them. */
export const GATEWAY_COOKIE_MARK = '_handover_'

const NAME = `${GATEWAY_COOKIE_MARK}flow_`
/**
 * At most this many cookies, with this many marks each: a page that opens flow after flow cannot crowd out other
 * cookies.
 */
const SLOTS = 8
const MARKS_PER_SLOT = 2
const SEPARATOR = '~'
const SHAPE = /^([li])([0-9a-z]{1,9})\.([A-Za-z0-9_-]{22})$/
const LETTER = { legacy: 'l', iam: 'i' } as const

/**
 * Identifies the flow of an authorization request, equal for its first request and its consent form; undefined without
 * a client.
 */
export function flowOf(
  clientId: string | undefined,
  redirectUri: string | undefined,
  state: string | undefined,
): string | undefined {
  return clientId === undefined ? undefined : [clientId, redirectUri ?? '', state ?? ''].join('\n')
}

/**
 * Returns the side that served the first page of a flow, as the browser's cookies prove it: through marks that were
 * signed with `key` for exactly this flow and have not expired. Marks that are forged, expired or for another flow are
 * ignored.
 *
 * @param cookie the value of the `Cookie` header
 * @param now seconds since the epoch
 */
export function sideOfFlow(
  cookie: string | undefined,
  flow: string,
  key: Uint8Array,
  now: number,
): Destination | undefined {
  if (cookie === undefined || !cookie.includes(NAME)) return undefined
  for (const mark of marksIn(cookie, slotOf(flow, key))) {
    const side = sideOf(mark, flow, key, now)
    if (side !== undefined) return side
  }
  return undefined
}

/** A cookie of the gateway: its name and new value; an empty value removes it. */
export interface FlowCookie {
  readonly name: string
  readonly value: string
}

/**
 * Returns the cookie that marks a flow as `side`'s, or that removes its mark if `side` is undefined. Keeps the most
 * recent other mark of the same slot, so that two flows of one browser do not disturb each other.
 */
export function flowCookie(
  side: Destination | undefined,
  flow: string,
  key: Uint8Array,
  now: number,
  cookie: string | undefined,
): FlowCookie {
  const slot = slotOf(flow, key)
  const others = marksIn(cookie ?? '', slot).filter((mark) => sideOf(mark, flow, key, now) === undefined)
  const marks = side === undefined ? others : [issueMark(side, flow, key, now + FLOW_MARK_SECONDS[side]), ...others]
  return { name: NAME + slot, value: marks.slice(0, MARKS_PER_SLOT).join(SEPARATOR) }
}

function issueMark(side: Destination, flow: string, key: Uint8Array, expiresAt: number): string {
  const claim = LETTER[side] + Math.floor(expiresAt).toString(36)
  return `${claim}.${sign(claim, flow, key)}`
}

function sideOf(mark: string, flow: string, key: Uint8Array, now: number): Destination | undefined {
  const match = SHAPE.exec(mark)
  if (!match) return undefined
  const [, letter = '', expiry = '', signature = ''] = match
  if (Number.parseInt(expiry, 36) <= now) return undefined
  const wanted = Buffer.from(sign(letter + expiry, flow, key))
  if (!timingSafeEqual(Buffer.from(signature), wanted)) return undefined
  return letter === LETTER.iam ? 'iam' : 'legacy'
}

function marksIn(cookie: string, slot: number): string[] {
  const name = `${NAME}${slot}=`
  for (const pair of cookie.split(';')) {
    const trimmed = pair.trim()
    if (trimmed.startsWith(name)) return trimmed.slice(name.length).split(SEPARATOR).slice(0, MARKS_PER_SLOT)
  }
  return []
}

function slotOf(flow: string, key: Uint8Array): number {
  return (createHmac('sha256', key).update(`handover flow slot\n${flow}`).digest()[0] ?? 0) % SLOTS
}

function sign(claim: string, flow: string, key: Uint8Array): string {
  return createHmac('sha256', key)
    .update(`handover flow mark\n${claim}\n${flow}`)
    .digest()
    .subarray(0, 16)
    .toString('base64url')
}
