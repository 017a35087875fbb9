/** Every kind of {@link SecurityEvent}. */
export const SECURITY_EVENT_KINDS = ['refresh_token_reuse', 'authorization_code_replay'] as const

/**
 * A refresh token or code of one use came again after its grace, so its family of tokens was revoked (RFC 9700 §4.14.2,
 * RFC 6749 §4.1.2). Null is what is not known. Holds no credential.
 */
export interface CredentialReuse {
  readonly kind: (typeof SECURITY_EVENT_KINDS)[number]
  readonly clientId: string | null
  readonly applicationId: number | null
  readonly subject: string | null
  /** Joins all tokens that descend from one grant. */
  readonly familyId: string
  readonly tokensRevoked: number
  /** Milliseconds since the epoch. */
  readonly firstUsedAt: number
}

/** An operator ended a batch of what lived of an application. */
export interface CredentialsDrained {
  readonly kind: 'credentials_drained'
  readonly clientId: string | null
  readonly applicationId: number | null
  readonly subject: null
  readonly familyId: null
  /** Pairs of tokens, codes and device codes together. */
  readonly tokensRevoked: number
  readonly firstUsedAt: null
}

/** The platform ended all that a user had: the user was blocked or deleted, or signed out everywhere. */
export interface UserCredentialsEnded {
  readonly kind: 'user_credentials_ended'
  readonly clientId: null
  readonly applicationId: null
  readonly subject: string
  readonly familyId: null
  readonly tokensRevoked: number
  readonly firstUsedAt: null
}

/** What an operator must hear of, for the log, a counter and the record. */
export type SecurityEvent = CredentialReuse | CredentialsDrained | UserCredentialsEnded
