import type { Fields } from '../forms.ts'
import type { ScenarioSet } from '../scenario.ts'
import type { ScenarioRun } from '../scenario-run.ts'
import type { ClientKey } from '../seed.ts'
import { revokeAsSetup } from './requests.ts'

/** Introspection (RFC 7662). */
export const introspection: ScenarioSet = (scenario, seed) => {
  const { conf, public: pub } = seed.clients
  const intro = (
    t: ScenarioRun,
    token: string | undefined,
    o: { readonly client?: ClientKey; readonly params?: Fields; readonly auth?: string } = {},
  ) =>
    t.post(
      '/oauth/introspect',
      { ...(token === undefined ? {} : { token }), ...(o.client ? t.creds(o.client) : {}), ...(o.params || {}) },
      { auth: o.auth },
    )
  scenario('J002', 'active access token, Basic', async (t) => {
    const k = await t.tokens()
    await intro(t, k.access_token, { auth: t.basic('conf') })
  })
  scenario('J003', 'its refresh token', async (t) => {
    const k = await t.tokens()
    await intro(t, k.refresh_token, { client: 'conf' })
    await intro(t, k.refresh_token, { client: 'conf', params: { token_type_hint: 'refresh_token' } })
  })
  scenario('J005', 'revoked', async (t) => {
    const k = await t.tokens()
    await revokeAsSetup(t, k.access_token)
    await intro(t, k.access_token, { client: 'conf' })
  })
  scenario('J006', 'unknown token', (t) => intro(t, 'f'.repeat(64), { client: 'conf' }))
  scenario('J007', 'no token', (t) => intro(t, undefined, { client: 'conf' }))
  scenario('J009', 'no authentication', async (t) => {
    const k = await t.tokens()
    await intro(t, k.access_token)
  })
  scenario('J010', 'wrong secret', async (t) => {
    const k = await t.tokens()
    await intro(t, k.access_token, { auth: t.basic('conf', 'wrong') })
  })
  scenario('J011', 'client_id only, confidential', async (t) => {
    const k = await t.tokens()
    await intro(t, k.access_token, { params: { client_id: conf.uid } })
  })
  scenario('J012', 'public client, its own token, client_id only', async (t) => {
    const k = await t.tokens({ client: 'public' })
    await intro(t, k.access_token, { params: { client_id: pub.uid } })
  })
  scenario('J013', 'bearer: another token of the same client', async (t) => {
    const a = await t.tokens()
    const b = await t.tokens()
    await intro(t, a.access_token, { auth: `Bearer ${b.access_token}` })
  })
  scenario('J016', 'bearer: unknown token', async (t) => {
    const a = await t.tokens()
    await intro(t, a.access_token, { auth: `Bearer ${'f'.repeat(64)}` })
  })
  scenario('J017', 'bearer: expired token', async (t) => {
    const b = await t.tokens()
    await t.advance(8000)
    const a = await t.tokens()
    await intro(t, a.access_token, { auth: `Bearer ${b.access_token}` })
  })
  scenario('J018', 'bearer: revoked token', async (t) => {
    const b = await t.tokens()
    await revokeAsSetup(t, b.access_token)
    const a = await t.tokens()
    await intro(t, a.access_token, { auth: `Bearer ${b.access_token}` })
  })
  scenario('J020', 'a client-credentials token', async (t) => {
    const k = (await t.setup(() => t.post('/oauth/token', { grant_type: 'client_credentials', ...t.creds('conf') })))
      .issued
    await intro(t, k.access_token, { client: 'conf' })
  })
  scenario('J022', 'other methods', async (t) => {
    for (const m of ['GET', 'OPTIONS', 'HEAD'])
      await t.req(m, '/oauth/introspect', { query: { token: 'x', ...t.creds('conf') } })
  })
  scenario('J023', 'as JSON', async (t) => {
    const k = await t.tokens()
    await t.req('POST', '/oauth/introspect', { json: { token: k.access_token, ...t.creds('conf') } })
  })
  scenario('J024', 'token passed as access_token parameter too', async (t) => {
    const a = await t.tokens()
    const b = await t.tokens()
    await intro(t, a.access_token, { params: { access_token: b.access_token } })
  })
}
