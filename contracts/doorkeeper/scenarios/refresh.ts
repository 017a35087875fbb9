import type { Fields } from '../forms.ts'
import type { ScenarioSet } from '../scenario.ts'
import type { AuthorizeOptions, Issued, ScenarioRun } from '../scenario-run.ts'
import type { ClientKey } from '../seed.ts'
import { ALICE, api, info, refresh, revokeAsSetup } from './requests.ts'

/** Refreshing (RFC 6749 §6). */
export const refreshGrant: ScenarioSet = (scenario) => {
  const ref = (
    id: string,
    title: string,
    f: Fields = {},
    {
      token,
      auth,
      ...o
    }: {
      readonly noclient?: boolean
      readonly client?: ClientKey
      readonly auth?: (t: ScenarioRun) => string
      readonly token?: (k: Issued) => string | undefined
    } = {},
    to: AuthorizeOptions = {},
  ) =>
    scenario(id, title, async (t) => {
      const k = await t.tokens(to)
      await refresh(t, token ? token(k) : k.refresh_token, f, { ...o, auth: auth?.(t) })
    })
  scenario('H001', 'refresh: rotation; old access and refresh tokens afterwards', async (t) => {
    const k = await t.tokens()
    const r = await refresh(t, k.refresh_token)
    await t.get('/oauth/token/info', { auth: `Bearer ${k.access_token}`, note: 'old access token' })
    await t.get('/oauth/token/info', { auth: `Bearer ${r.issued.access_token}`, note: 'new access token' })
    await refresh(t, k.refresh_token, {}, { note: 'old refresh token again' })
    await t.get('/oauth/token/info', {
      auth: `Bearer ${r.issued.access_token}`,
      note: 'new access token after the reuse',
    })
    await refresh(t, r.issued.refresh_token, {}, { note: 'new refresh token after the reuse' })
  })
  ref('H002', 'refresh by Basic', {}, { noclient: true, auth: (t) => t.basic('conf') })
  ref('H003', 'refresh, same scope', { scope: 'api read_user' }, {}, { params: { scope: 'api read_user' } })
  scenario('H005', 'refresh, narrower scope; then none given', async (t) => {
    const k = await t.tokens({ params: { scope: 'api read_user' } })
    const r = await refresh(t, k.refresh_token, { scope: 'read_user' })
    await refresh(t, r.issued.refresh_token, {}, { note: 'no scope' })
  })
  scenario('H006', 'refresh, wider scope; does it burn the token?', async (t) => {
    const k = await t.tokens()
    await refresh(t, k.refresh_token, { scope: 'api read_user' })
    await refresh(t, k.refresh_token, {}, { note: 'again without scope' })
  })
  ref('H007', 'refresh, unknown scope', { scope: 'bogus' })
  ref('H008', 'refresh, empty scope', { scope: '' })
  ref('H009', 'refresh, no client, confidential', {}, { noclient: true })
  ref('H010', 'refresh, client_id only, confidential', { client_secret: undefined })
  ref('H011', 'refresh, wrong secret', { client_secret: 'wrong' })
  ref('H012', 'refresh, another client', {}, { client: 'other' })
  ref('H015', 'refresh, token empty', { refresh_token: '' })
  ref('H017', 'refresh with the access token', {}, { token: (k) => k.access_token })
  scenario('H021', 'refresh after the access token expired', async (t) => {
    const k = await t.tokens()
    await t.advance(8000)
    const r = await refresh(t, k.refresh_token)
    await info(t, r.issued.access_token)
  })
  scenario('H022', 'refresh after a year', async (t) => {
    const k = await t.tokens()
    await t.advance(31536000)
    await refresh(t, k.refresh_token)
  })
  scenario('H023', 'refresh after the access token was revoked', async (t) => {
    const k = await t.tokens()
    await revokeAsSetup(t, k.access_token)
    await refresh(t, k.refresh_token)
  })
  scenario('H026', 'refresh with openid: is there an id_token?', async (t) => {
    const k = await t.tokens({ params: { scope: 'openid email', nonce: 'n-1' } })
    await refresh(t, k.refresh_token)
  })
  scenario(
    'H027',
    'two refreshes at once',
    async (t) => {
      const k = await t.tokens()
      await Promise.all([
        refresh(t, k.refresh_token, {}, { note: 'at once; order is arbitrary' }),
        refresh(t, k.refresh_token, {}, { note: 'at once; order is arbitrary' }),
      ])
    },
    { volatile: true },
  )
  ref('H028', 'refresh as JSON-shaped parameter', { 'refresh_token[]': 'x', refresh_token: undefined })
  scenario('H029', 'refresh of a password-grant token, no client', async (t) => {
    const k = (await t.setup(() => t.post('/oauth/token', { ...ALICE, ...t.creds('conf') }))).issued
    await refresh(t, k.refresh_token, {}, { noclient: true })
  })
  scenario('H031', 'refresh with redirect_uri and code too', async (t) => {
    const k = await t.tokens()
    await refresh(t, k.refresh_token, { redirect_uri: 'https://evil.example.test/', code: 'x' })
  })

  ref('H032', 'refresh, token missing and wrong secret: which error wins', {
    refresh_token: undefined,
    client_secret: 'wrong',
  })
  ref('H033', 'refresh, unknown token and wrong secret', { refresh_token: 'f'.repeat(64), client_secret: 'wrong' })
  ref('H034', 'refresh, unknown token and no client', { refresh_token: 'f'.repeat(64) }, { noclient: true })
  scenario('H036', 'old access token after the new one was used', async (t) => {
    const k = await t.tokens()
    const r = await t.setup(() => refresh(t, k.refresh_token))
    await t.setup(() => api(t, { auth: `Bearer ${r.issued.access_token}` }))
    await info(t, k.access_token, 'old access token')
  })
}
