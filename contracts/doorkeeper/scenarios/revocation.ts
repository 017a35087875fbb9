import type { ScenarioSet } from '../scenario.ts'
import { info, refresh, revokeAsSetup } from './requests.ts'

/** Revocation (RFC 7009). */
export const revocation: ScenarioSet = (scenario, seed) => {
  const { public: pub } = seed.clients
  scenario('I002', 'own access token by Basic', async (t) => {
    const k = await t.tokens()
    await t.post('/oauth/revoke', { token: k.access_token }, { auth: t.basic('conf') })
    await info(t, k.access_token)
  })
  scenario('I003', 'own refresh token, then token info', async (t) => {
    const k = await t.tokens()
    await t.post('/oauth/revoke', { token: k.refresh_token, ...t.creds('conf') })
    await info(t, k.access_token)
  })
  scenario('I004', "another client's token", async (t) => {
    const k = await t.tokens()
    await t.post('/oauth/revoke', { token: k.access_token, ...t.creds('other') })
    await info(t, k.access_token, 'still good?')
  })
  scenario('I005', 'unknown token', (t) => t.post('/oauth/revoke', { token: 'f'.repeat(64), ...t.creds('conf') }))
  scenario('I006', 'already revoked', async (t) => {
    const k = await t.tokens()
    await revokeAsSetup(t, k.access_token)
    await t.post('/oauth/revoke', { token: k.access_token, ...t.creds('conf') })
  })
  scenario('I009', 'wrong secret', async (t) => {
    const k = await t.tokens()
    await t.post('/oauth/revoke', { token: k.access_token, ...t.creds('conf', 'wrong') })
    await info(t, k.access_token, 'still good?')
  })
  scenario('I010', "public client's token, client_id only", async (t) => {
    const k = await t.tokens({ client: 'public' })
    await t.post('/oauth/revoke', { token: k.access_token, client_id: pub.uid })
    await info(t, k.access_token)
  })
  scenario('I011', "public client's token, no client", async (t) => {
    const k = await t.tokens({ client: 'public' })
    await t.post('/oauth/revoke', { token: k.access_token })
    await info(t, k.access_token, 'still good?')
  })
  scenario('I012', "public client's token, by another client", async (t) => {
    const k = await t.tokens({ client: 'public' })
    await t.post('/oauth/revoke', { token: k.access_token, ...t.creds('other') })
    await info(t, k.access_token, 'still good?')
  })
  scenario('I013', 'token missing', (t) => t.post('/oauth/revoke', t.creds('conf')))
  scenario('I015', 'token missing, no client', (t) => t.post('/oauth/revoke', {}))
  for (const [i, h] of ['access_token', 'refresh_token', 'bogus', ''].entries())
    scenario(`I02${i}`, `access token with token_type_hint ${JSON.stringify(h)}`, async (t) => {
      const k = await t.tokens()
      await t.post('/oauth/revoke', { token: k.access_token, token_type_hint: h, ...t.creds('conf') })
      await info(t, k.access_token)
    })
  scenario('I025', 'expired token', async (t) => {
    const k = await t.tokens()
    await t.advance(8000)
    await t.post('/oauth/revoke', { token: k.access_token, ...t.creds('conf') })
    await refresh(t, k.refresh_token, {}, { note: 'is its refresh token still good?' })
  })
  scenario('I026', 'expired access token, revoked by its refresh token', async (t) => {
    const k = await t.tokens()
    await t.advance(8000)
    await t.post('/oauth/revoke', { token: k.refresh_token, ...t.creds('conf') })
    await refresh(t, k.refresh_token, {}, { note: 'is it still good?' })
  })
  scenario('I027', 'bearer authentication with the token itself', async (t) => {
    const k = await t.tokens()
    await t.post('/oauth/revoke', { token: k.access_token }, { auth: `Bearer ${k.access_token}` })
  })
  scenario('I028', 'an authorization code as token', async (t) => {
    const c = await t.code()
    await t.post('/oauth/revoke', { token: c, ...t.creds('conf') })
    await t.exchange(c, { note: 'still good?' })
  })
  scenario('I029', 'as JSON', async (t) => {
    const k = await t.tokens()
    await t.req('POST', '/oauth/revoke', { json: { token: k.access_token, ...t.creds('conf') } })
    await info(t, k.access_token)
  })
  scenario('I030', 'other methods', async (t) => {
    for (const m of ['GET', 'DELETE', 'OPTIONS', 'HEAD'])
      await t.req(m, '/oauth/revoke', { query: { token: 'x', ...t.creds('conf') } })
  })
  scenario('I031', 'parameters in the query', async (t) => {
    const k = await t.tokens()
    await t.req('POST', '/oauth/revoke', { query: { token: k.access_token, ...t.creds('conf') }, form: '' })
    await info(t, k.access_token)
  })
  scenario('I034', 'a client-credentials token', async (t) => {
    const k = (await t.setup(() => t.post('/oauth/token', { grant_type: 'client_credentials', ...t.creds('conf') })))
      .issued
    await t.post('/oauth/revoke', { token: k.access_token, ...t.creds('conf') })
    await info(t, k.access_token)
  })
  scenario('I035', 'unknown token, wrong secret', (t) =>
    t.post('/oauth/revoke', { token: 'f'.repeat(64), ...t.creds('conf', 'wrong') }),
  )
  scenario('I036', 'unknown token, public client', (t) =>
    t.post('/oauth/revoke', { token: 'f'.repeat(64), client_id: pub.uid }),
  )
}
