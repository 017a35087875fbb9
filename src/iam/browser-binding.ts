import { createHash, randomBytes } from 'node:crypto'

/** One flow's mark in the browser that started it. The store keeps the hash of `value`. */
export interface BrowserMark {
  readonly name: string
  readonly value: string
  readonly hash: Buffer
  /** Seconds since the epoch. */
  readonly startedAt: number
}

const PREFIX = '_iam_flow_'
const NAME = /^_iam_flow_[0-9a-f]{16}$/
const VALUE = /^([0-9a-z]{1,8})\.[A-Za-z0-9_-]{43}$/
const LIFETIME_SECONDS = 3_600
const KEPT = 12

/** A mark for a flow that starts now. Each flow has a cookie of its own, so that two tabs do not overwrite each other. */
export function newBrowserMark(now: number): BrowserMark {
  const startedAt = Math.floor(now)
  const value = `${startedAt.toString(36)}.${randomBytes(32).toString('base64url')}`
  return { name: PREFIX + randomBytes(8).toString('hex'), value, hash: hashOf(value), startedAt }
}

/** The marks a `Cookie` header carries; whatever else is in it is passed over. */
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

/** `Set-Cookie` of a mark. Lax, because the way back from sign-in and consent is a top-level GET. */
export function setMark(mark: BrowserMark, secure: boolean): string {
  return `${mark.name}=${mark.value}; Path=/; Max-Age=${LIFETIME_SECONDS}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
}

/** `Set-Cookie` that removes a mark. */
export function dropMark(mark: BrowserMark, secure: boolean): string {
  return `${mark.name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
}

/** The marks to drop when one more is set, oldest first: a browser holds at most twelve, so its header stays small. */
export function surplusMarks(held: readonly BrowserMark[]): BrowserMark[] {
  return [...held].sort((a, b) => b.startedAt - a.startedAt).slice(KEPT - 1)
}

function hashOf(value: string): Buffer {
  return createHash('sha256').update(value).digest()
}
