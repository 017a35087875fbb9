import type { ScenarioSet } from '../scenario.ts'
import type { AuthorizeOptions, ScenarioRun } from '../scenario-run.ts'
import { api, info, refresh, revokeAsSetup } from './requests.ts'

/** Unknown paths, a protected resource, and whole flows. */
export const wholeFlows: ScenarioSet = (scenario, seed) => {
  const { public: pub } = seed.clients
  const ui = (t: ScenarioRun, token: string | undefined) => t.get('/oauth/userinfo', { auth: `Bearer ${token}` })
  scenario('O001', 'unknown paths under /oauth', async (t) => {
    for (const p of [
      '/oauth',
      '/oauth/',
      '/oauth/nope',
      '/oauth/token/nope',
      '/oauth/authorize/native/x',
      '/oauth/TOKEN',
      '/oauth/discovery',
      '/oauth/discovery/nope',
    ])
      await t.get(p)
  })
  scenario('O002', 'unknown paths, Accept: application/json', async (t) => {
    await t.get('/oauth/nope', { headers: { Accept: 'application/json' } })
    await t.req('POST', '/oauth/nope', { json: {}, headers: { Accept: 'application/json' } })
  })
  scenario('O003', 'application pages that are not mounted here', async (t) => {
    await t.login()
    await t.get('/oauth/applications', { jar: t.jar })
    await t.get('/oauth/authorized_applications', { jar: t.jar })
  })
  scenario('O004', 'unknown HTTP method', async (t) => {
    await t.req('PROPFIND', '/oauth/token')
  })

  scenario('P001', 'token with the scope', async (t) => {
    const k = await t.tokens()
    await api(t, { auth: `Bearer ${k.access_token}` })
  })
  scenario('P002', 'token without the scope', async (t) => {
    const k = await t.tokens({ params: { scope: 'openid' } })
    await api(t, { auth: `Bearer ${k.access_token}` })
  })
  scenario('P003', 'no token', (t) => api(t, {}))
  scenario('P004', 'expired and revoked', async (t) => {
    const k = await t.tokens()
    const k2 = await t.tokens()
    await revokeAsSetup(t, k2.access_token)
    await api(t, { auth: `Bearer ${k2.access_token}` })
    await t.advance(8000)
    await api(t, { auth: `Bearer ${k.access_token}` })
  })
  scenario('P005', 'unknown token', (t) => api(t, { auth: `Bearer ${'f'.repeat(64)}` }))

  scenario('Q001', 'code + PKCE + openid: every step', async (t) => {
    const k = t.pkce()
    const o: AuthorizeOptions = {
      client: 'public',
      params: { scope: 'openid email', nonce: 'n-9', code_challenge: k.challenge, code_challenge_method: 'S256' },
    }
    await t.authorize(o)
    await t.setup(() => t.login())
    const p = await t.authorize(o)
    const r = await t.submit(p, 'post')
    const code = t.codeOf(r)
    const x = await t.exchange(code, {
      client: 'public',
      noauth: true,
      params: { client_id: pub.uid, code_verifier: k.verifier },
    })
    await ui(t, x.issued.access_token)
    const y = await refresh(t, x.issued.refresh_token, { client_secret: undefined }, { client: 'public' })
    await t.post('/oauth/revoke', { token: y.issued.access_token, client_id: pub.uid })
    await info(t, y.issued.access_token)
  })
  scenario('Q002', 'two users, one client: tokens do not mix', async (t) => {
    const a = await t.tokens({ user: 'alice', params: { scope: 'openid' } })
    const b = await t.tokens({ user: 'bob', params: { scope: 'openid' } })
    await ui(t, a.access_token)
    await ui(t, b.access_token)
  })
  scenario('Q003', 'one user, two clients: revoking one leaves the other', async (t) => {
    const a = await t.tokens()
    const b = await t.tokens({ client: 'other' })
    await t.post('/oauth/revoke', { token: a.access_token, ...t.creds('conf') })
    await info(t, b.access_token)
  })
}
