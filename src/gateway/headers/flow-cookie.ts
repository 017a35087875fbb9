import {
  type CredentialMarks,
  type Destination,
  type Facts,
  FLOW_MARK_SECONDS,
  flowCookie,
} from '../../routing/index.ts'

/** What a response of the authorize endpoint means for the flow it belongs to. */
export type FlowTurn = 'goes_on' | 'over' | 'nothing'

const NATIVE_PAGE = /\/oauth\/+authorize\/native(?:[/?#.]|$)/

/**
 * Determines from a response whether its flow continues with a page of this origin (a consent page, a redirect to the
 * sign-in page) or has ended, since the browser goes to the client or to the page that shows the code (RFC 6749
 * §4.1.2).
 *
 * @param publicOrigin `scheme://host[:port]` as the browser sees it
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

/** How a gateway marks the flows of its two sides. */
export interface FlowMarking {
  readonly marks: Pick<CredentialMarks, 'flowKey'>
  /** IAM has its own pages under /oauth/authorize, so that its flows need a mark as well. */
  readonly marksIamFlows: boolean
}

/** The response to a request for the authorize endpoint. */
export interface AuthorizePage {
  readonly method: string
  /** As sent. */
  readonly path: string
  readonly status: number
  readonly location: string | undefined
  /** The side that responded. */
  readonly side: Destination
}

/**
 * Returns the `Set-Cookie` that keeps a flow with the side that served its first page, or that forgets it once it has
 * ended; undefined if neither applies. A mark is not renewed, so it bounds the life of a flow. Verifiers identify IAM's
 * flows, so they are marked only where IAM has its own pages.
 */
export function flowSetCookie(
  marking: FlowMarking,
  facts: Pick<Facts, 'flow' | 'markedSide'>,
  page: AuthorizePage,
  cookie: string | undefined,
  publicOrigin: () => string,
): string | undefined {
  const { flow, markedSide } = facts
  const key = marking.marks.flowKey
  if (flow === undefined || key === undefined || (page.side === 'iam' && !marking.marksIamFlows)) return undefined
  const turn = flowTurn(page.method, page.status, page.location, publicOrigin)
  const isNew = turn === 'goes_on' && markedSide === undefined
  const isOver = turn === 'over' && markedSide !== undefined
  if (!isNew && !isOver) return undefined
  const { name, value } = flowCookie(isNew ? page.side : undefined, flow, key, Date.now() / 1_000, cookie)
  const age = value === '' ? 0 : FLOW_MARK_SECONDS.legacy
  const secure = publicOrigin().startsWith('https:') ? '; Secure' : ''
  // Lax, since the first request of a flow comes from the client's site.
  return `${name}=${value}; Path=${cookiePath(page.path)}; Max-Age=${age}; HttpOnly; SameSite=Lax${secure}`
}

/** The folder of the OAuth pages as the browser sees it, so that no other request to the origin carries the cookie. */
function cookiePath(path: string): string {
  return /^((?:\/[A-Za-z0-9._~-]+)*\/oauth)\/authorize/.exec(path)?.[1] ?? '/'
}
