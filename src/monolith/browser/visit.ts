import type { Parameters, ResourceOwner } from '../../authorization-server/index.ts'
import type { HttpRequest } from '../../http/index.ts'
import type { Session } from '../sessions/session.ts'

/** A browser's request to one of our pages. */
export interface Visit {
  readonly request: HttpRequest
  /** After `_method` was applied, in upper case; HEAD becomes GET. */
  readonly method: string
  readonly parameters: Parameters
  /** The values of the path's placeholders. */
  readonly segments: Readonly<Record<string, string>>
  readonly session: Session
  /** The signed-in user. */
  readonly owner: ResourceOwner | undefined
}

/** A visit by a signed-in user. */
export type SignedInVisit = Visit & { readonly owner: ResourceOwner }

/** Path and query as sent, but never starting like the address of another host. */
export function addressOf(request: HttpRequest): string {
  const path = request.path.replace(/^\/{2,}/, '/')
  return request.query === '' ? path : `${path}?${request.query}`
}
