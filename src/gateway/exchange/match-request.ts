import type { Endpoint } from '../../routing/index.ts'
import { isSuffixed } from '../responses/cors.ts'
import { type Routes, UNDECIDED } from '../routing/routes.ts'

/** A request to an OAuth endpoint, a shared document, or a page of IAM. */
export interface MatchedRequest {
  readonly kind: 'endpoint' | 'shared_document' | 'iam_page'
  readonly endpoint: Endpoint
  /** The path ended in a format such as `.json`. */
  readonly isSuffixed: boolean
  /** Path and query of the request at IAM. */
  readonly iamTarget: string
}

/**
 * Step 1: finds out what a request is for. Returns undefined for a request that legacy alone serves, and for a gateway
 * without IAM.
 *
 * @param path the target without its query
 */
export function matchRequest(
  { iam, routes }: { readonly iam: unknown; readonly routes: Routes },
  target: string,
  path: string,
): MatchedRequest | undefined {
  const match = iam === undefined ? undefined : routes.match(path)
  if (match === undefined) return undefined
  if (match === 'iam_page') return { kind: 'iam_page', endpoint: 'other', isSuffixed: false, iamTarget: target }
  const { endpoint } = match
  const kind = UNDECIDED.has(endpoint) ? 'shared_document' : 'endpoint'
  const iamTarget = routes.atIam(match) + target.slice(path.length)
  return { kind, endpoint, isSuffixed: isSuffixed(match), iamTarget }
}
