import type { Fields } from '../forms.ts'
import type { ScenarioSet } from '../scenario.ts'
import type { ClientKey } from '../seed.ts'
import { ALICE, revokeAsSetup } from './requests.ts'

/** `prompt`, `max_age` and earlier consent (OpenID Connect Core §3.1.2.1). */
export const authorizePrompt: ScenarioSet = (scenario) => {
  const page = (id: string, title: string, params: Fields, client: ClientKey = 'conf') =>
    scenario(id, title, async (t) => {
      await t.login()
      await t.authorize({ client, params })
    })
  const oidc = { scope: 'openid email' }
  scenario('A140', 'prompt=none, logged out', (t) => t.authorize({ params: { ...oidc, prompt: 'none' } }))
  scenario('A141', 'prompt=none, logged out, no openid scope', (t) => t.authorize({ params: { prompt: 'none' } }))
  page('A142', 'prompt=none, logged in, not yet consented', { ...oidc, prompt: 'none' })
  scenario('A143', 'prompt=none, logged in, consented', async (t) => {
    await t.tokens({ params: oidc })
    await t.login()
    await t.authorize({ params: { ...oidc, prompt: 'none' } })
  })
  scenario('A144', 'prompt=none, consented to fewer scopes', async (t) => {
    await t.tokens({ params: { scope: 'openid' } })
    await t.login()
    await t.authorize({ params: { ...oidc, prompt: 'none' } })
  })
  page('A145', 'prompt=none, no openid scope, logged in', { prompt: 'none' })
  scenario('A146', 'prompt=login, logged in', async (t) => {
    await t.login()
    await t.authorize({ params: { ...oidc, prompt: 'login' } })
    await t.authorize({ params: oidc, note: 'the session was ended' })
  })
  scenario('A147', 'prompt=consent, consented before', async (t) => {
    await t.tokens({ params: oidc })
    await t.login()
    await t.authorize({ params: oidc })
    await t.authorize({ params: { ...oidc, prompt: 'consent' } })
  })
  page('A148', 'prompt=select_account', { ...oidc, prompt: 'select_account' })
  page('A149', 'prompt unknown', { ...oidc, prompt: 'bogus' })
  page('A151', 'prompt=login consent', { ...oidc, prompt: 'login consent' })
  page('A152', 'empty prompt', { ...oidc, prompt: '' })
  page('A153', 'prompt=consent without openid scope', { prompt: 'consent' })
  page('A155', 'max_age=0', { ...oidc, max_age: '0' })
  page('A156', 'max_age not a number', { ...oidc, max_age: 'abc' })
  scenario('A170', 'confidential client, same scopes, second time: no page', async (t) => {
    await t.tokens()
    await t.login()
    await t.authorize()
  })
  scenario('A172', 'confidential client, more scopes than before', async (t) => {
    await t.tokens()
    await t.login()
    await t.authorize({ params: { scope: 'api read_user' } })
  })
  scenario('A174', 'public client, second time: page again', async (t) => {
    await t.tokens({ client: 'public' })
    await t.login()
    await t.authorize({ client: 'public' })
  })
  scenario('A176', 'trusted client, prompt=consent', async (t) => {
    await t.login()
    await t.authorize({ client: 'trusted', params: { ...oidc, prompt: 'consent' } })
  })
  scenario('A177', 'consented, token since revoked: page again', async (t) => {
    const k = await t.tokens()
    await revokeAsSetup(t, k.access_token)
    await t.login()
    await t.authorize()
  })
  scenario('A180', 'consented by another user', async (t) => {
    await t.tokens({ user: 'bob' })
    await t.login()
    await t.authorize()
  })
  scenario('A181', 'a password-grant token counts as consent', async (t) => {
    await t.setup(() => t.post('/oauth/token', { ...ALICE, ...t.creds('conf'), scope: 'api' }))
    await t.login()
    await t.authorize()
  })
  scenario('A185', 'HEAD when consented issues a code', async (t) => {
    await t.tokens()
    await t.login()
    await t.req('HEAD', '/oauth/authorize', { query: t.authz(), jar: t.jar })
  })
}
