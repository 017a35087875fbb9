import type { Parameters, ResourceOwner } from '../../authorization-server/index.ts'
import type { HttpRequest } from '../../http/index.ts'
import type { Session } from '../sessions/session.ts'

/** One request of a browser to one of our pages. */
export interface Visit {
  readonly request: HttpRequest
  /** After `_method` was obeyed, upper case; HEAD is GET. */
  readonly method: string
  readonly parameters: Parameters
  /** What the path's placeholders stand for. */
  readonly segments: Readonly<Record<string, string>>
  readonly session: Session
  /** Who is signed in. */
  readonly owner: ResourceOwner | undefined
}

/** A visit by somebody who is signed in. */
export type SignedInVisit = Visit & { readonly owner: ResourceOwner }

/** Path and query as sent, but never beginning like the address of another host. */
export function addressOf(request: HttpRequest): string {
  const path = request.path.replace(/^\/{2,}/, '/')
  return request.query === '' ? path : `${path}?${request.query}`
}
