import { createHash, randomBytes } from 'node:crypto'

/** Binds a browser's flows to it: a cookie that only this browser holds. The store keeps the hash of `value`. */
export interface BrowserMark {
  readonly name: string
  readonly value: string
  readonly hash: Buffer
  /** Milliseconds since the epoch. */
  readonly startedAt: number
}

const PREFIX = '_iam_flow_'
const NAME = /^_iam_flow_[0-9a-f]{16}$/
const VALUE = /^([0-9a-z]{1,8})\.[A-Za-z0-9_-]{43}$/
/** 40 cookies of 80 bytes: enough for tabs opened at once, and far below the 16 KiB that servers accept. */
const KEPT = 40

/**
 * A mark for a browser without one. Tabs that open at the same moment each get one, so every mark has a unique name to
 * keep them from overwriting each other.
 *
 * @param now milliseconds since the epoch
 */
export function newBrowserMark(now: number): BrowserMark {
  const startedAt = Math.floor(now)
  const value = `${startedAt.toString(36)}.${randomBytes(32).toString('base64url')}`
  return { name: PREFIX + randomBytes(8).toString('hex'), value, hash: hashOf(value), startedAt }
}

/** The marks in a `Cookie` header; everything else in it is ignored. */
export function browserMarks(cookieHeader: string | undefined): BrowserMark[] {
  if (cookieHeader === undefined) return []
  const marks = new Map<string, BrowserMark>()
  for (const pair of cookieHeader.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0) continue
    const name = pair.slice(0, equals).trim()
    const value = pair.slice(equals + 1).trim()
    const shape = VALUE.exec(value)
    if (!NAME.test(name) || !shape) continue
    marks.set(name, { name, value, hash: hashOf(value), startedAt: Number.parseInt(shape[1] ?? '', 36) })
  }
  return [...marks.values()]
}

/** The mark that a browser's new flow is bound to: the most recent one; undefined when it has none. */
export function youngestMark(held: readonly BrowserMark[]): BrowserMark | undefined {
  return youngestFirst(held)[0]
}

/** `Set-Cookie` for a mark. Lax, because sign-in and consent return with a top-level GET. */
export function setMark(mark: BrowserMark, lifetimeSeconds: number, secure: boolean): string {
  const { name, value } = mark
  return `${name}=${value}; Path=/; Max-Age=${lifetimeSeconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
}

/** `Set-Cookie` that removes a mark. */
export function dropMark(mark: BrowserMark, secure: boolean): string {
  return `${mark.name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
}

/** The oldest marks beyond the maximum per browser, to be removed so that its `Cookie` header stays small. */
export function surplusMarks(held: readonly BrowserMark[]): BrowserMark[] {
  return youngestFirst(held).slice(KEPT)
}

function youngestFirst(held: readonly BrowserMark[]): BrowserMark[] {
  // Browsers send cookies in the order they were set (RFC 6265 §5.4).
  return [...held].reverse().sort((a, b) => b.startedAt - a.startedAt)
}

function hashOf(value: string): Buffer {
  return createHash('sha256').update(value).digest()
}
