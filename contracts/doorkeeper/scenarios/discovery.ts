import type { ScenarioSet } from '../scenario.ts'
import type { ScenarioRun } from '../scenario-run.ts'
import { revokeAsSetup } from './requests.ts'

/** Userinfo and discovery (OpenID Connect Core §5.3, Discovery §4). */
export const discovery: ScenarioSet = (scenario) => {
  const ui = (t: ScenarioRun, token: string | undefined) => t.get('/oauth/userinfo', { auth: `Bearer ${token}` })
  scenario('L002', 'openid email profile', async (t) => {
    const k = await t.tokens({ params: { scope: 'openid email profile' } })
    await ui(t, k.access_token)
  })
  scenario('L004', 'POST with access_token in the body', async (t) => {
    const k = await t.tokens({ params: { scope: 'openid' } })
    await t.post('/oauth/userinfo', { access_token: k.access_token })
  })
  scenario('L006', 'token without openid', async (t) => {
    const k = await t.tokens()
    await ui(t, k.access_token)
  })
  scenario('L010', 'expired', async (t) => {
    const k = await t.tokens({ params: { scope: 'openid' } })
    await t.advance(8000)
    await ui(t, k.access_token)
  })
  scenario('L011', 'revoked', async (t) => {
    const k = await t.tokens({ params: { scope: 'openid' } })
    await revokeAsSetup(t, k.access_token)
    await ui(t, k.access_token)
  })
  scenario('M002', 'openid-configuration', (t) => t.get('/.well-known/openid-configuration'))
  scenario('M003', 'openid-configuration behind a TLS proxy', (t) =>
    t.get('/.well-known/openid-configuration', {
      headers: { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'idp.example.test' },
    }),
  )
  scenario('M004', 'openid-configuration with another Host', (t) =>
    t.get('/.well-known/openid-configuration', { headers: { Host: 'idp.example.test' } }),
  )
  scenario('M005', 'webfinger', async (t) => {
    await t.get('/.well-known/webfinger', { query: { resource: 'acct:alice@example.test' } })
    await t.get('/.well-known/webfinger')
  })
  scenario('M006', 'oauth-authorization-server', async (t) => {
    await t.get('/.well-known/oauth-authorization-server')
    await t.get('/.well-known/oauth-protected-resource')
  })
  scenario('M007', 'other methods', async (t) => {
    for (const p of ['/oauth/discovery/keys', '/.well-known/openid-configuration'])
      for (const m of ['HEAD', 'OPTIONS', 'POST']) await t.req(m, p, m === 'POST' ? { form: '' } : {})
  })
  scenario('M009', 'conditional request for the keys', async (t) => {
    const r = await t.get('/oauth/discovery/keys')
    await t.get('/oauth/discovery/keys', { headers: { 'If-None-Match': r.headers.etag || '"x"' } })
  })
}
