import type { ScenarioSet } from '../scenario.ts'
import { info, refresh, revokeAsSetup } from './requests.ts'

/** Doorkeeper's token info endpoint. */
export const tokenInfo: ScenarioSet = (scenario) => {
  scenario('K002', 'scheme spellings', async (t) => {
    const k = await t.tokens()
    for (const s of ['bearer ', 'BEARER ', 'Bearer  ', 'Token ', 'Bearer\t', 'token='])
      await t.get('/oauth/token/info', { auth: s + k.access_token, note: JSON.stringify(s) })
  })
  scenario('K003', 'access_token in the query', async (t) => {
    const k = await t.tokens()
    await t.get('/oauth/token/info', { query: { access_token: k.access_token } })
  })
  scenario('K004', 'bearer_token in the query', async (t) => {
    const k = await t.tokens()
    await t.get('/oauth/token/info', { query: { bearer_token: k.access_token } })
  })
  scenario('K005', 'header and query disagree', async (t) => {
    const k = await t.tokens()
    await t.get('/oauth/token/info', { query: { access_token: 'wrong' }, auth: `Bearer ${k.access_token}` })
    await t.get('/oauth/token/info', { query: { access_token: k.access_token }, auth: 'Bearer wrong' })
  })
  scenario('K006', 'no token', (t) => t.get('/oauth/token/info'))
  scenario('K007', 'unknown token', (t) => info(t, 'f'.repeat(64)))
  scenario('K008', 'expired', async (t) => {
    const k = await t.tokens()
    await t.advance(8000)
    await info(t, k.access_token)
  })
  scenario('K009', 'revoked', async (t) => {
    const k = await t.tokens()
    await revokeAsSetup(t, k.access_token)
    await info(t, k.access_token)
  })
  scenario('K011', 'Basic with the client', (t) => t.get('/oauth/token/info', { auth: t.basic('conf') }))
  scenario('K012', 'Basic with the token as password', async (t) => {
    const k = await t.tokens()
    await t.get('/oauth/token/info', { auth: `Basic ${Buffer.from(`oauth2:${k.access_token}`).toString('base64')}` })
  })
  scenario('K013', 'other methods', async (t) => {
    const k = await t.tokens()
    for (const m of ['POST', 'HEAD', 'OPTIONS', 'DELETE'])
      await t.req(m, '/oauth/token/info', { auth: `Bearer ${k.access_token}`, ...(m === 'POST' ? { form: '' } : {}) })
  })
  scenario('K015', "public client's token", async (t) => {
    const k = await t.tokens({ client: 'public' })
    await info(t, k.access_token)
  })
  scenario('K016', 'empty and malformed headers', async (t) => {
    for (const a of ['Bearer', 'Bearer ', 'x', 'Bearer a b']) await t.get('/oauth/token/info', { auth: a })
  })
  scenario('K017', 'old access token after refresh', async (t) => {
    const k = await t.tokens()
    await t.setup(() => refresh(t, k.refresh_token))
    await info(t, k.access_token)
  })
  scenario('K018', 'access_token with an empty value, header good', async (t) => {
    const k = await t.tokens()
    await t.get('/oauth/token/info', { query: { access_token: '' }, auth: `Bearer ${k.access_token}` })
  })
  scenario('K019', '.json suffix and Accept: text/html', async (t) => {
    const k = await t.tokens()
    await t.get('/oauth/token/info.json', { auth: `Bearer ${k.access_token}` })
    await t.get('/oauth/token/info', { auth: `Bearer ${k.access_token}`, headers: { Accept: 'text/html' } })
  })
  scenario(
    'K020',
    'conditional request',
    async (t) => {
      const k = await t.tokens()
      const r = await info(t, k.access_token)
      await t.get('/oauth/token/info', {
        auth: `Bearer ${k.access_token}`,
        headers: { 'If-None-Match': r.headers.etag || '"x"' },
        note: 'the value may have changed by a second',
      })
    },
    { volatile: true },
  )
}
