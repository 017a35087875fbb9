import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { IAM_PREFIXES } from '../../src/credentials/index.ts'
import type { Asked } from './authorize.ts'
import type { Holder, Walk } from './walk.ts'
import type { Answer } from './web.ts'

/** The tokens from the token endpoint. */
export interface Tokens {
  readonly access: string
  readonly refresh: string | undefined
  readonly idToken: string | undefined
  readonly scope: string
  readonly holder: Holder
}

const PREFIXES = Object.values(IAM_PREFIXES)

/** The side that issued a credential, by its prefix. */
export function issuerOf(credential: string): 'iam' | 'legacy' {
  return PREFIXES.some((prefix) => credential.startsWith(prefix)) ? 'iam' : 'legacy'
}

/** Sends a request of the walk's application to an endpoint, with one of the authentication methods it may use. */
export function post(walk: Walk, step: string, holder: Holder, path: string, fields: Record<string, string>) {
  const { clientId, secret, kind } = walk.application
  const isBasic = kind !== 'public' && walk.random.chance(0.4)
  const inForm: Record<string, string> =
    kind === 'public' ? { client_id: clientId } : { client_id: clientId, client_secret: secret }
  const basic = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`
  return walk.send(step, holder, {
    ...{ method: 'POST', url: walk.url(path) },
    headers: isBasic ? { authorization: basic } : {},
    form: isBasic ? fields : { ...fields, ...inForm },
  })
}

/** Exchanges a code; sometimes a second time, which must fail and leave the tokens valid. */
export async function redeem(walk: Walk, asked: Asked, code: string): Promise<Tokens> {
  const fields = {
    ...{ grant_type: 'authorization_code', code, redirect_uri: walk.application.redirectUri },
    ...(asked.verifier === undefined ? {} : { code_verifier: asked.verifier }),
  }
  const holder = issuerOf(code)
  const answer = await post(walk, 'redeem', holder, '/oauth/token', fields)
  const tokens = tokensIn(walk, 'redeem', answer)
  walk.expect('redeem', issuerOf(tokens.access) === holder, `a code of ${holder} gave a token of the other side`)
  walk.expect('scope', sameScopes(tokens.scope, asked.scope), `${tokens.scope} instead of ${asked.scope}`)
  if (walk.random.chance(0.2)) {
    await expectInvalidGrant(walk, 'redeem again', holder, fields)
  }
  return tokens
}

/** Reads a token response and checks it against the walk. */
export function tokensIn(walk: Walk, step: string, answer: Answer): Tokens {
  walk.expect(step, answer.status === 200, answer)
  const { access_token, refresh_token, id_token, scope, token_type } = jsonOf(answer)
  walk.expect(step, typeof access_token === 'string' && token_type === 'Bearer', 'no access token')
  const holder = issuerOf(access_token)
  const isTogether = refresh_token === undefined || issuerOf(String(refresh_token)) === holder
  walk.expect(step, isTogether, 'the two tokens are of different sides')
  return {
    access: access_token,
    refresh: typeof refresh_token === 'string' ? refresh_token : undefined,
    idToken: typeof id_token === 'string' ? id_token : undefined,
    scope: String(scope ?? ''),
    holder,
  }
}

/** Rotates a refresh token; then the old pair must be revoked and the new one valid. */
export async function refresh(walk: Walk, tokens: Tokens): Promise<Tokens> {
  const fields = { grant_type: 'refresh_token', refresh_token: tokens.refresh ?? '' }
  const next = tokensIn(walk, 'refresh', await post(walk, 'refresh', tokens.holder, '/oauth/token', fields))
  walk.expect('refresh', next.holder === tokens.holder, `a token of ${tokens.holder} moved to ${next.holder}`)
  if (walk.random.chance(0.25)) await expectInvalidGrant(walk, 'refresh again', tokens.holder, fields)
  if (walk.random.chance(0.25)) await expectActive(walk, tokens, false)
  return next
}

/** Sends a token request and checks that it fails with `invalid_grant`. */
export async function expectInvalidGrant(walk: Walk, step: string, holder: Holder, fields: Record<string, string>) {
  const answer = await post(walk, step, holder, '/oauth/token', fields)
  walk.expect(step, answer.status === 400 && jsonOf(answer)['error'] === 'invalid_grant', answer)
}

/** Introspects an access token and checks whether it is active. */
export async function expectActive(walk: Walk, tokens: Tokens, isActive: boolean): Promise<void> {
  const step = isActive ? 'introspect' : 'introspect the dead'
  const answer = await post(walk, step, tokens.holder, '/oauth/introspect', { token: tokens.access })
  walk.expect(step, answer.status === 200 && jsonOf(answer)['active'] === isActive, answer)
}

/** Requests userinfo and checks the response, a 403 without the openid scope. */
export async function userinfo(walk: Walk, tokens: Tokens): Promise<void> {
  const answer = await bearer(walk, 'userinfo', tokens, '/oauth/userinfo')
  if (!tokens.scope.split(' ').includes('openid')) return walk.expect('userinfo', answer.status === 403, answer)
  walk.expect('userinfo', answer.status === 200 && typeof jsonOf(answer)['sub'] === 'string', answer)
}

/** Requests the token info and checks that the token is accepted. */
export async function tokenInfo(walk: Walk, tokens: Tokens): Promise<void> {
  const answer = await bearer(walk, 'token info', tokens, '/oauth/token/info')
  walk.expect('token info', answer.status === 200, answer)
}

function bearer(walk: Walk, step: string, { access, holder }: Tokens, path: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${access}` }
  return walk.send(step, holder, { method: 'GET', url: walk.url(path), headers })
}

/** Verifies an ID token with the published keys, as a relying party does. */
export async function verifyIdToken(walk: Walk, idToken: string, nonce: string | undefined): Promise<void> {
  const answer = await walk.send('keys', 'either', { method: 'GET', url: walk.url('/oauth/discovery/keys') })
  walk.expect('keys', answer.status === 200, answer)
  const keys = createLocalJWKSet(JSON.parse(answer.body) as JSONWebKeySet)
  const expected = { issuer: walk.issuer, audience: walk.application.clientId }
  const verified = await jwtVerify(idToken, keys, expected).catch((error: Error) => error.message)
  walk.expect('verify', typeof verified === 'object', String(verified))
  walk.expect('nonce', nonce === undefined || verified.payload['nonce'] === nonce, 'another nonce')
}

/** Revokes a pair through either token; afterwards both must be invalid. */
export async function revoke(walk: Walk, tokens: Tokens): Promise<void> {
  const token = tokens.refresh !== undefined && walk.random.chance(0.5) ? tokens.refresh : tokens.access
  const answer = await post(walk, 'revoke', tokens.holder, '/oauth/revoke', { token })
  walk.expect('revoke', answer.status === 200, answer)
  await expectActive(walk, tokens, false)
  if (tokens.refresh === undefined) return
  const fields = { grant_type: 'refresh_token', refresh_token: tokens.refresh }
  await expectInvalidGrant(walk, 'refresh the revoked', tokens.holder, fields)
}

/** Parses the JSON object in a response; empty if there is none. */
export function jsonOf(answer: Answer): Record<string, unknown> {
  try {
    const document: unknown = JSON.parse(answer.body)
    return document !== null && typeof document === 'object' ? (document as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function sameScopes(left: string, right: string): boolean {
  return left.split(' ').sort().join(' ') === right.split(' ').sort().join(' ')
}
