import type { Quirk, QuirkRequest, QuirkResponse } from './quirk-proxy.ts'

/** What a scripted client does again and again. */
export type FlowName = 'code' | 'code and refresh' | 'client credentials' | 'device' | 'password'

/** A way in which a client that works on legacy breaks on IAM. */
export interface Breakage {
  readonly name: string
  readonly flow: FlowName
  /** Whether the client authenticates with Basic; false: with its secret in the form. */
  readonly isBasic: boolean
  readonly hasPkce: boolean
  /**
   * The step of the rollout that moves it, 1 for the first percentage. Several applications that fail for one class of
   * causes in one step are one fault and send the step back, so each class occurs once in a step.
   */
  readonly step: number
  /** The quirk appears only this long after the client's first request to IAM; 0: at once. */
  readonly delayMs: number
  readonly quirk: Quirk
  /** What the exclusion must name as its cause: one of these words. */
  readonly causes: readonly string[]
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }

function oauthError(status: number, error: string): QuirkResponse {
  const challenge = status === 401 ? { 'www-authenticate': `Bearer realm="Doorkeeper", error="${error}"` } : {}
  const body = JSON.stringify({ error, error_description: 'The request was refused.' })
  return { status, headers: { ...JSON_TYPE, ...challenge }, body }
}

function redirectedError({ query }: QuirkRequest, error: string): QuirkResponse {
  const back = new URL(query.get('redirect_uri') ?? 'https://client.example.test/')
  back.searchParams.set('error', error)
  back.searchParams.set('state', query.get('state') ?? '')
  return { status: 302, headers: { location: back.href }, body: '' }
}

const isToken = ({ path }: QuirkRequest) => path.endsWith('/oauth/token')
const isGrant = (request: QuirkRequest, type: string) => isToken(request) && request.form.get('grant_type') === type
const startsAuthorization = ({ path, query }: QuirkRequest) => path.endsWith('/authorize') && query.has('response_type')

/** Changes the members of a successful token response. */
function members(change: (document: Record<string, unknown>) => Record<string, unknown>): Quirk {
  return {
    alter(request, response) {
      if (!isToken(request) || response.status !== 200) return response
      const document = JSON.parse(response.body) as Record<string, unknown>
      return { ...response, body: JSON.stringify(change(document)) }
    },
  }
}

const at = { isBasic: false, hasPkce: true, delayMs: 0 }

/** Ten ways of breaking at the move, and two that show only after an hour, compressed to `lateMs`. */
export function breakages(lateMs: number): readonly Breakage[] {
  return [
    {
      ...{ ...at, step: 1, name: 'the token endpoint compares the redirect URI exactly', flow: 'code' },
      quirk: { refuse: (r) => (isGrant(r, 'authorization_code') ? oauthError(400, 'invalid_grant') : undefined) },
      causes: ['invalid_grant'],
    },
    {
      ...{ ...at, step: 2, name: 'an unknown scope is refused instead of dropped', flow: 'code' },
      quirk: { refuse: (r) => (startsAuthorization(r) ? redirectedError(r, 'invalid_scope') : undefined) },
      causes: ['invalid_scope'],
    },
    {
      ...{
        ...at,
        step: 1,
        name: 'the secret is decoded differently with Basic',
        flow: 'client credentials',
        isBasic: true,
      },
      quirk: { refuse: (r) => (r.isBasic ? oauthError(401, 'invalid_client') : undefined) },
      causes: ['invalid_client'],
    },
    {
      ...{ ...at, step: 3, name: 'only the registered authentication method is accepted', flow: 'client credentials' },
      quirk: { refuse: (r) => (r.form.has('client_secret') ? oauthError(401, 'invalid_client') : undefined) },
      causes: ['invalid_client'],
    },
    {
      ...{ ...at, step: 3, name: 'PKCE is required', flow: 'code', hasPkce: false },
      quirk: {
        refuse: (r) =>
          startsAuthorization(r) && !r.query.has('code_challenge') ? redirectedError(r, 'invalid_request') : undefined,
      },
      causes: ['invalid_request'],
    },
    {
      ...{ ...at, step: 4, name: 'the password grant is refused', flow: 'password' },
      quirk: { refuse: (r) => (isGrant(r, 'password') ? oauthError(400, 'unsupported_grant_type') : undefined) },
      causes: ['unsupported_grant_type'],
    },
    {
      ...{ ...at, step: 3, name: 'expires_in becomes text', flow: 'client credentials' },
      quirk: members(({ expires_in, ...rest }) => ({ ...rest, expires_in: String(expires_in) })),
      causes: ['shape'],
    },
    {
      ...{ ...at, step: 5, name: 'no refresh token is issued', flow: 'code and refresh' },
      quirk: members(({ refresh_token: _dropped, ...rest }) => rest),
      causes: ['shape'],
    },
    {
      ...{ ...at, step: 4, name: 'every refresh token counts as reused', flow: 'code and refresh' },
      quirk: { refuse: (r) => (isGrant(r, 'refresh_token') ? oauthError(400, 'invalid_grant') : undefined) },
      causes: ['invalid_grant'],
    },
    {
      ...{ ...at, step: 4, name: 'the token endpoint fails for device codes', flow: 'device' },
      quirk: {
        refuse: (r) =>
          isGrant(r, 'urn:ietf:params:oauth:grant-type:device_code')
            ? { status: 500, headers: { 'content-type': 'text/html' }, body: '<h1>Internal Server Error</h1>' }
            : undefined,
      },
      causes: ['500', 'server_error', 'temporarily_unavailable'],
    },
    {
      ...{
        ...at,
        step: 4,
        name: 'the replicated secret expires after an hour',
        flow: 'client credentials',
        delayMs: lateMs,
      },
      quirk: { refuse: (r) => (r.form.has('client_secret') ? oauthError(401, 'invalid_client') : undefined) },
      causes: ['invalid_client'],
    },
    {
      ...{ ...at, step: 2, name: 'codes are no longer found after an hour', flow: 'code', delayMs: lateMs },
      quirk: { refuse: (r) => (isGrant(r, 'authorization_code') ? oauthError(400, 'invalid_grant') : undefined) },
      causes: ['invalid_grant'],
    },
  ]
}
