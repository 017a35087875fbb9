/** What pages of other origins may do with one resource (Fetch §3.2). */
export interface CorsResource {
  /** Request headers that are allowed or need no permission, in lower case. */
  readonly headers: ReadonlySet<string>
  readonly methods: readonly string[]
}

/** Headers that need no permission (Fetch §2.2.2), as the recorded middleware counts them. */
const SIMPLE = ['accept', 'accept-language', 'content-language', 'content-type']

/**
 * Describes a resource that allows these request headers, in addition to those that need no permission, and these
 * methods.
 */
export function corsResource(headers: readonly string[], methods: readonly string[]): CorsResource {
  return { headers: new Set([...SIMPLE, ...headers]), methods }
}

/**
 * Returns the response headers of a preflight; empty if the method or a header is not allowed, which the browser treats
 * as a refusal.
 *
 * @param method `Access-Control-Request-Method`
 * @param asked `Access-Control-Request-Headers`, if the request has it
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

/** Returns the headers that let a page of any origin read a response. */
export function corsAllowance(resource: CorsResource): Array<readonly [string, string]> {
  return [
    ['Access-Control-Allow-Origin', '*'],
    ['Access-Control-Allow-Methods', resource.methods.join(', ')],
    ['Access-Control-Expose-Headers', ''],
    ['Access-Control-Max-Age', '7200'],
  ]
}
