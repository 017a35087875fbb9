import type { Fields } from '../forms.ts'
import type { ExchangeOptions, Reply, RequestOptions, ScenarioRun } from '../scenario-run.ts'

/** Requests a protected resource of the API. */
export function api(t: ScenarioRun, options: RequestOptions = {}): Promise<Reply> {
  return t.get('/api/v4/user', options)
}

/** Introspects an access token, authenticated by the token itself. */
export function info(t: ScenarioRun, token: string | undefined, note?: string): Promise<Reply> {
  return t.get('/oauth/token/info', { auth: `Bearer ${token}`, note })
}

/** Refreshes a token, with `fields` overriding the usual ones. */
export function refresh(
  t: ScenarioRun,
  token: string | undefined,
  fields: Fields = {},
  o: Omit<ExchangeOptions, 'params' | 'noauth'> & { readonly noclient?: boolean } = {},
): Promise<Reply> {
  const client = o.noclient ? {} : t.creds(o.client ?? 'conf')
  const form = { grant_type: 'refresh_token', refresh_token: token, ...client, ...fields }
  return t.post('/oauth/token', form, { auth: o.auth, note: o.note })
}

/** Revokes a token as its application, as set-up. */
export function revokeAsSetup(t: ScenarioRun, token: string | undefined): Promise<Reply> {
  return t.setup(() => t.post('/oauth/revoke', { token, ...t.creds('conf') }))
}

/** Alice's password grant, without a client. */
export const ALICE = { grant_type: 'password', username: 'alice', password: 'alice-password-1' }
