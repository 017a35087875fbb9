/** The kinds of credential that are issued and later presented again. */
export type CredentialType =
  | 'authorization_code'
  | 'access_token'
  | 'refresh_token'
  | 'device_code'
  | 'login_verifier'
  | 'consent_verifier'

/**
 * The prefix of each credential that Handover's IAM auth service issues. The issuer and the router both use this table;
 * there is no second copy.
 */
export const IAM_PREFIXES: Readonly<
  Record<'authorization_code' | 'access_token' | 'refresh_token' | 'device_code', string>
> = {
  authorization_code: 'gliamac-',
  access_token: 'gliamat-',
  refresh_token: 'gliamrt-',
  device_code: 'gliamdc-',
}
