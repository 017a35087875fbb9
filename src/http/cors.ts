/** What pages of other origins may do with one resource (Fetch §3.2). */
export interface CorsResource {
  /** Request headers that need no permission or have it, in lower case. */
  readonly headers: ReadonlySet<string>
  readonly methods: readonly string[]
}

/** Headers that need no permission (Fetch §2.2.2), as the recorded middleware counts them. */
const SIMPLE = ['accept', 'accept-language', 'content-language', 'content-type']

/** A resource that takes these request headers beside those that need no permission, and these methods. */
export function corsResource(headers: readonly string[], methods: readonly string[]): CorsResource {
  return { headers: new Set([...SIMPLE, ...headers]), methods }
}

/**
 * The headers that answer a preflight; none of them when the method or a header is not allowed, which the browser takes
 * for a refusal.
 *
 * @param method `Access-Control-Request-Method`
 * @param asked `Access-Control-Request-Headers`, where the request has one
 */
export function preflightHeaders(
  resource: CorsResource | undefined,
  method: string,
  asked: string | undefined,
): Array<readonly [string, string]> {
  if (resource === undefined || !resource.methods.includes(method.toUpperCase())) return []
  const names = asked?.split(',').map((name) => name.trim().toLowerCase()) ?? []
  if (!names.every((name) => resource.headers.has(name))) return []
  return asked === undefined
    ? corsAllowance(resource)
    : [...corsAllowance(resource), ['Access-Control-Allow-Headers', asked]]
}

/** The headers that let a page of any origin read an answer. */
export function corsAllowance(resource: CorsResource): Array<readonly [string, string]> {
  return [
    ['Access-Control-Allow-Origin', '*'],
    ['Access-Control-Allow-Methods', resource.methods.join(', ')],
    ['Access-Control-Expose-Headers', ''],
    ['Access-Control-Max-Age', '7200'],
  ]
}
