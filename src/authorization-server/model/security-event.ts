/** Every kind of {@link SecurityEvent}. */
export const SECURITY_EVENT_KINDS = ['refresh_token_reuse', 'authorization_code_replay'] as const

/**
 * A refresh token or code was reused after its grace period, so its family of tokens was revoked (RFC 9700 §4.14.2, RFC
 * 6749 §4.1.2). Null means unknown. Contains no credential.
 */
export interface CredentialReuse {
  readonly kind: (typeof SECURITY_EVENT_KINDS)[number]
  readonly clientId: string | null
  readonly applicationId: number | null
  readonly subject: string | null
  /** Identifies all tokens that descend from one grant. */
  readonly familyId: string
  readonly tokensRevoked: number
  /** Milliseconds since the epoch. */
  readonly firstUsedAt: number
}

/** An operator revoked a batch of an application's live credentials. */
export interface CredentialsRevoked {
  readonly kind: 'credentials_revoked'
  readonly clientId: string | null
  readonly applicationId: number | null
  readonly subject: null
  readonly familyId: null
  /** The sum of token pairs, codes and device codes. */
  readonly tokensRevoked: number
  readonly firstUsedAt: null
}

/** The platform ended all credentials of a user, who was blocked, deleted or signed out everywhere. */
export interface UserCredentialsEnded {
  readonly kind: 'user_credentials_ended'
  readonly clientId: null
  readonly applicationId: null
  readonly subject: string
  readonly familyId: null
  readonly tokensRevoked: number
  readonly firstUsedAt: null
}

/** An event that operators need to know, for the log, a counter and the stored record. */
export type SecurityEvent = CredentialReuse | CredentialsRevoked | UserCredentialsEnded
