import type { Policy } from '../../applications/index.ts'

/** An OAuth application as the protocol sees it. */
export interface Client {
  /** The platform's numeric id of the application. */
  readonly id: number
  readonly clientId: string
  readonly name: string
  /** SHA-512 of the secret, lower-case hex; null when the application has none. */
  readonly secretDigest: string | null
  readonly redirectUris: readonly string[]
  /** Empty: every scope of the server. */
  readonly scopes: readonly string[]
  readonly confidential: boolean
  readonly trusted: boolean
  readonly version: number
  /** The client's policy, computed when it was loaded. */
  readonly policy: Policy
}
