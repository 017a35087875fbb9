import type { Parameters, ParameterValue, ResourceOwner } from '../../authorization-server/index.ts'
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

/** A parameter that is text; undefined for one that is left out or is something else. */
export function textOf(value: ParameterValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** A text inside a parameter that is a hash, such as `user[login]`. */
export function textIn(value: ParameterValue | undefined, name: string): string | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  return textOf((value as Parameters)[name])
}

/** Path and query as sent, but never beginning like the address of another host. */
export function addressOf(request: HttpRequest): string {
  const path = request.path.replace(/^\/{2,}/, '/')
  return request.query === '' ? path : `${path}?${request.query}`
}
