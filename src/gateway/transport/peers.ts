/** Who is on the other end of a connection. */
export interface Peer {
  readonly address: string
  /** Whether what it says about others (`X-Forwarded-*`, `Forwarded`, `X-Request-Id`) is believed. */
  readonly isTrusted: boolean
  readonly isSecure: boolean
}
