/** The other end of a connection. */
export interface Peer {
  readonly address: string
  /** Whether its `X-Forwarded-*`, `Forwarded` and `X-Request-Id` headers are trusted. */
  readonly isTrusted: boolean
  readonly isSecure: boolean
}
