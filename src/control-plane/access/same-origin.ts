/** The browser's statement about the origin of a request. */
export interface RequestOrigin {
  readonly origin: string | undefined
  /** `Sec-Fetch-Site`, which scripts cannot set. */
  readonly fetchSite: string | undefined
}

/**
 * Whether a request that makes a change may come from one of our own pages. The browser's headers must say so; a
 * browser that sends none is checked by the CSRF token alone. `ownOrigin` is the origin of the address to which the
 * request was sent.
 */
export function isFromOwnPage({ origin, fetchSite }: RequestOrigin, ownOrigin: string): boolean {
  if (fetchSite !== undefined && fetchSite !== 'same-origin') return false
  return origin === undefined || origin === ownOrigin
}
