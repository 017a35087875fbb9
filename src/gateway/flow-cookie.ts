import { type Destination, FLOW_MARK_SECONDS, type FlowCookie, flowCookie } from '../routing/index.ts'

/** What an answer of the authorize endpoint means for the flow it belongs to. */
export type FlowTurn = 'goes_on' | 'over' | 'nothing'

const NATIVE_PAGE = /\/oauth\/+authorize\/native(?:[/?#.]|$)/

/**
 * Reads from an answer whether its flow goes on with a page of this origin (a consent page, the way to the sign-in
 * page) or is over, since the browser is sent to the client or to the page that shows the code (RFC 6749 §4.1.2).
 *
 * @param publicOrigin `scheme://host[:port]` as the browser knows it
 */
export function flowTurn(
  method: string,
  status: number,
  location: string | undefined,
  publicOrigin: () => string,
): FlowTurn {
  const begins = method === 'GET' ? 'goes_on' : 'nothing'
  if (status === 200) return begins
  if (status < 300 || status >= 400 || location === undefined) return 'nothing'
  if (NATIVE_PAGE.test(location)) return 'over'
  const isOwn = /^\/(?![/\\])/.test(location) || isWithin(location, publicOrigin())
  return isOwn ? begins : 'over'
}

function isWithin(location: string, origin: string): boolean {
  return location.startsWith(origin) && /^(?:[/?#]|$)/.test(location.slice(origin.length))
}

/** What the cookie of a flow rests on. */
export interface FlowPage {
  readonly flow: string
  readonly key: Uint8Array
  /** Who served it. */
  readonly side: Destination
  readonly turn: FlowTurn
  /** The side that a genuine mark of the request names. */
  readonly markedSide: Destination | undefined
  /** The request's `Cookie`. */
  readonly cookie: string | undefined
  /** The request's path as sent. */
  readonly path: string
  readonly isSecure: boolean
}

/**
 * The `Set-Cookie` that keeps a flow with the side that served its first page, or forgets it once it is over;
 * undefined when there is nothing to say. A mark is not renewed: no flow outlives its time.
 *
 * @param now seconds since the epoch
 */
export function flowSetCookie(page: FlowPage, now: number): string | undefined {
  const { flow, key, side, turn, markedSide, cookie } = page
  if (turn === 'goes_on' && markedSide === undefined) return setCookie(flowCookie(side, flow, key, now, cookie), page)
  if (turn === 'over' && markedSide !== undefined) return setCookie(flowCookie(undefined, flow, key, now, cookie), page)
  return undefined
}

function setCookie({ name, value }: FlowCookie, { path, isSecure }: FlowPage): string {
  const age = value === '' ? 0 : FLOW_MARK_SECONDS
  // Lax, since the first request of a flow comes from the client's site.
  return `${name}=${value}; Path=${cookiePath(path)}; Max-Age=${age}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
}

/** The folder of the OAuth pages as the browser sees it, so that nothing else of the origin carries the cookie. */
function cookiePath(path: string): string {
  return /^((?:\/[A-Za-z0-9._~-]+)*\/oauth)\/authorize/.exec(path)?.[1] ?? '/'
}
