import type { Trace } from '../trace.ts'
import { faultOf, StepFault } from '../trace.ts'
import type { Twin } from '../twin.ts'
import { type ProbeAnswer, type ProbeRequest, send, type WireSettings } from '../wire.ts'

/** One flow in progress. */
export interface Walk {
  readonly twin: Twin
  readonly wire: WireSettings
  readonly trace: Trace
}

/** The tokens of one grant. Never leave the probe. */
export interface Grant {
  readonly accessToken: string
  readonly refreshToken: string | undefined
}

/** A form request of the client, authenticated by its own method (RFC 6749 §2.3.1). */
export function clientRequest(twin: Twin, path: string, form: Readonly<Record<string, string>>): ProbeRequest {
  const fields = new URLSearchParams(form)
  const { clientId, clientSecret = '', authentication } = twin
  if (authentication === 'client_secret_basic') {
    const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
    return { method: 'POST', url: path, form: fields, headers: { authorization, accept: 'application/json' } }
  }
  fields.set('client_id', clientId)
  if (authentication === 'client_secret_post') fields.set('client_secret', clientSecret)
  return { method: 'POST', url: path, form: fields, headers: { accept: 'application/json' } }
}

/** Requests a token and checks the response (RFC 6749 §5.1). Rejects with `StepFailure`. */
export function requestToken(walk: Walk, step: string, form: Readonly<Record<string, string>>): Promise<Grant> {
  return walk.trace.step(step, () => send(walk.wire, clientRequest(walk.twin, '/oauth/token', form)), grantIn)
}

/** The tokens of a response, or what is wrong with it. */
export function grantIn(answer: ProbeAnswer): Grant | StepFault {
  if (answer.status !== 200 || answer.json === undefined) return faultOf(answer)
  const { access_token, refresh_token, token_type, expires_in } = answer.json
  if (typeof access_token !== 'string' || access_token === '') return new StepFault('missing_access_token')
  if (typeof token_type !== 'string' || token_type.toLowerCase() !== 'bearer') return new StepFault('wrong_token_type')
  if (expires_in !== undefined && typeof expires_in !== 'number') return new StepFault('wrong_expires_in')
  if (refresh_token !== undefined && typeof refresh_token !== 'string') return new StepFault('wrong_refresh_token')
  return { accessToken: access_token, refreshToken: refresh_token }
}

/** RFC 6749 §4.4. */
export function clientCredentials(walk: Walk): Promise<Grant> {
  return requestToken(walk, 'token', { grant_type: 'client_credentials', scope: walk.twin.scope })
}

/** RFC 6749 §4.3. */
export function password(walk: Walk): Promise<Grant> {
  const { username = '', password: secret = '' } = walk.twin.user ?? {}
  return requestToken(walk, 'token', { grant_type: 'password', username, password: secret, scope: walk.twin.scope })
}

/** RFC 6749 §6. A response without a new refresh token lets the client keep the old one. */
export async function refresh(walk: Walk, grant: Grant, step = 'token'): Promise<Grant> {
  const old = grant.refreshToken ?? ''
  const renewed = await requestToken(walk, step, { grant_type: 'refresh_token', refresh_token: old })
  return { ...renewed, refreshToken: renewed.refreshToken ?? old }
}

/** RFC 7662: expects the token to be active, or not. */
export function introspect(walk: Walk, grant: Grant, isActive: boolean, step = 'introspect'): Promise<true> {
  return walk.trace.step(
    step,
    () => send(walk.wire, clientRequest(walk.twin, '/oauth/introspect', { token: grant.accessToken })),
    (answer) => {
      const { json, status } = answer
      if (status !== 200 || typeof json?.['active'] !== 'boolean') return faultOf(answer)
      return json['active'] === isActive ? true : new StepFault(isActive ? 'token_not_active' : 'token_still_active')
    },
  )
}

/** OpenID Connect Core §5.3: expects the claims of a user, or that the token is refused. */
export function userinfo(walk: Walk, grant: Grant, isAccepted: boolean, step = 'userinfo'): Promise<true> {
  const headers = { authorization: `Bearer ${grant.accessToken}`, accept: 'application/json' }
  return walk.trace.step(
    step,
    () => send(walk.wire, { method: 'GET', url: '/oauth/userinfo', headers }),
    (answer) => {
      if (!isAccepted) return answer.status === 401 ? true : new StepFault('token_still_active')
      if (answer.status !== 200 || answer.json === undefined) return faultOf(answer)
      return typeof answer.json['sub'] === 'string' ? true : new StepFault('missing_sub')
    },
  )
}

/** RFC 7009: revokes the access token, then expects that it no longer works. */
export async function revoke(walk: Walk, grant: Grant): Promise<void> {
  await sendRevocation(walk, grant.accessToken)
  if (walk.twin.authentication !== 'none') await introspect(walk, grant, false, 'introspect_revoked')
  else if (walk.twin.scope.split(' ').includes('openid')) await userinfo(walk, grant, false, 'userinfo_revoked')
}

function sendRevocation({ twin, wire, trace }: Walk, token: string): Promise<true> {
  return trace.step(
    'revoke',
    () => send(wire, clientRequest(twin, '/oauth/revoke', { token })),
    (answer) => (answer.status === 200 ? true : faultOf(answer)),
  )
}

/** Revokes what a probe still holds, so that it leaves no live token behind. Failures do not matter: tokens expire. */
export async function discard({ twin, wire }: Pick<Walk, 'twin' | 'wire'>, grants: readonly Grant[]): Promise<void> {
  const tokens = grants.flatMap(({ accessToken, refreshToken }) => [refreshToken, accessToken])
  await Promise.all(
    tokens
      .filter((token) => token !== undefined)
      .map((token) => send(wire, clientRequest(twin, '/oauth/revoke', { token })).catch(() => undefined)),
  )
}
