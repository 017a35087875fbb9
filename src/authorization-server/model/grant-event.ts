/** A successful grant, for the log. */
export interface GrantEvent {
  readonly grantType: 'authorization_code' | 'refresh_token' | 'client_credentials' | 'password' | 'device_code'
  /** Undefined when the grant involved no client. */
  readonly clientId: string | undefined
  readonly applicationId: number | undefined
}
