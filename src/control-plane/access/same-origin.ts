/** What a browser says about where a request comes from. */
export interface RequestOrigin {
  readonly origin: string | undefined
  /** `Sec-Fetch-Site`, which scripts cannot set. */
  readonly fetchSite: string | undefined
}

/**
 * Whether a request that changes something may come from one of our own pages: what the browser says must say so, and a
 * browser that says nothing is left to the token. `ownOrigin` is the origin of the address it was sent to.
 */
export function isFromOwnPage({ origin, fetchSite }: RequestOrigin, ownOrigin: string): boolean {
  if (fetchSite !== undefined && fetchSite !== 'same-origin') return false
  return origin === undefined || origin === ownOrigin
}
