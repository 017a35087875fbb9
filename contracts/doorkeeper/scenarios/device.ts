import { CookieJar } from '../cookie-jar.ts'
import { csrfFieldOf } from '../forms.ts'
import type { ScenarioSet } from '../scenario.ts'
import type { ExchangeOptions, Issued, ScenarioRun } from '../scenario-run.ts'
import { info, refresh } from './requests.ts'

/** The device grant (RFC 8628). */
export const device: ScenarioSet = (scenario, seed) => {
  const { conf } = seed.clients
  const DG = 'urn:ietf:params:oauth:grant-type:device_code'
  const dev = (t: ScenarioRun, o: ExchangeOptions = {}) =>
    t.post('/oauth/authorize_device', {
      ...(o.noauth ? {} : t.creds(o.client ?? 'conf')),
      ...(o.params ?? { scope: 'read_user' }),
    })
  const poll = (t: ScenarioRun, code: string | undefined, o: ExchangeOptions = {}) =>
    t.post('/oauth/token', { grant_type: DG, device_code: code, ...t.creds(o.client ?? 'conf') }, { note: o.note })
  const enter = async (t: ScenarioRun, user_code: string | undefined, o: { readonly csrf?: string } = {}) => {
    const g = await t.get('/oauth/device', { jar: t.jar })
    const tok = csrfFieldOf(g.body)
    return t.post(
      '/oauth/device',
      { authenticity_token: o.csrf ?? tok, user_code, commit: 'Authorize' },
      { jar: t.jar },
    )
  }
  scenario('N004', 'start, no client', (t) => dev(t, { noauth: true }))
  scenario('N005', 'start, confidential client, client_id only', (t) =>
    dev(t, { noauth: true, params: { client_id: conf.uid } }),
  )
  scenario('N006', 'start, wrong secret', (t) => dev(t, { params: { client_secret: 'wrong' } }))
  scenario('N008', 'start, no scope', (t) => dev(t, { params: {} }))
  scenario('N009', 'start, limited client, a scope it may not have', (t) =>
    dev(t, { client: 'limited', params: { scope: 'api' } }),
  )
  scenario('N010', 'start, other methods', async (t) => {
    for (const m of ['GET', 'OPTIONS', 'HEAD']) await t.req(m, '/oauth/authorize_device', { query: t.creds('conf') })
  })
  scenario('N012', 'poll: pending, then too fast', async (t) => {
    const d = (await t.setup(() => dev(t))).issued
    await poll(t, d.device_code)
    await poll(t, d.device_code, { note: 'at once' })
    await poll(t, d.device_code, { note: 'and again' })
    await t.advance(6)
    await poll(t, d.device_code, { note: '6 s later' })
  })
  scenario('N013', 'poll: expired', async (t) => {
    const d = (await t.setup(() => dev(t))).issued
    await t.advance(305)
    await poll(t, d.device_code)
    await poll(t, d.device_code, { note: 'again' })
  })
  scenario('N015', 'granted, polled at once after a poll', async (t) => {
    const d = (await t.setup(() => dev(t))).issued
    await poll(t, d.device_code)
    await t.login()
    await t.setup(() => enter(t, d.user_code))
    await poll(t, d.device_code, { note: 'too fast although granted' })
  })
  scenario('N016', 'granted, another client polls', async (t) => {
    const d = (await t.setup(() => dev(t))).issued
    await t.login()
    await t.setup(() => enter(t, d.user_code))
    await poll(t, d.device_code, { client: 'other' })
    await poll(t, d.device_code, { note: 'then the right client' })
  })
  scenario('N017', 'poll: unknown, empty and missing device_code', async (t) => {
    await poll(t, 'f'.repeat(64))
    await poll(t, '')
    await poll(t, undefined)
  })
  scenario('N021', 'user code page, logged out', (t) => t.get('/oauth/device', { jar: t.jar }))
  scenario('N022', 'user code page with user_code in the query', async (t) => {
    await t.login()
    await t.get('/oauth/device?user_code=ABCD1234', { jar: t.jar })
  })
  scenario('N023', 'wrong user code', async (t) => {
    await t.login()
    await enter(t, 'WRONG123')
    await t.get('/oauth/device', { jar: t.jar, note: 'with the notice' })
  })
  scenario('N024', 'user code in lower case', async (t) => {
    const d = (await t.setup(() => dev(t))).issued
    await t.login()
    await enter(t, (d.user_code || 'X').toLowerCase())
  })
  scenario('N025', 'user code twice', async (t) => {
    const d = (await t.setup(() => dev(t))).issued
    await t.login()
    await enter(t, d.user_code)
    await enter(t, d.user_code)
  })
  scenario('N026', 'expired user code', async (t) => {
    const d = (await t.setup(() => dev(t))).issued
    await t.login()
    await t.advance(305)
    await enter(t, d.user_code)
    await t.get('/oauth/device', { jar: t.jar, note: 'with the notice' })
  })
  scenario('N028', 'user code without CSRF token', async (t) => {
    const d = (await t.setup(() => dev(t))).issued
    await t.login()
    await enter(t, d.user_code, { csrf: 'AAAA' })
  })
  scenario('N029', 'grant, then openid: id_token from the device flow', async (t) => {
    const d = (await t.setup(() => dev(t, { params: { scope: 'openid email' } }))).issued
    await t.login()
    await t.setup(() => enter(t, d.user_code))
    const k = await poll(t, d.device_code)
    await refresh(t, k.issued.refresh_token, {}, { note: 'refresh of a device token' })
  })
  scenario('N030', 'the empty user code after it was used', async (t) => {
    await t.login()
    await enter(t, '')
  })

  const whole = async (t: ScenarioRun, d: Issued, o: ExchangeOptions = {}) => {
    const k = await poll(t, d.device_code, o)
    return k.issued
  }
  scenario('N031', 'limited client gets a scope it may not have through the device flow', async (t) => {
    const d = (await t.setup(() => dev(t, { client: 'limited', params: { scope: 'api' } }))).issued
    await t.login()
    await t.setup(() => enter(t, d.user_code))
    const k = await whole(t, d, { client: 'limited' })
    await info(t, k.access_token || 'none')
  })
  scenario('N032', 'device flow without a scope: what the token may do', async (t) => {
    const d = (await t.setup(() => dev(t, { params: {} }))).issued
    await t.login()
    await t.setup(() => enter(t, d.user_code))
    const k = await whole(t, d)
    await info(t, k.access_token || 'none')
  })
  scenario('N033', 'posting no user_code at all, after another user approved a device', async (t) => {
    const d = (await t.setup(() => dev(t))).issued
    await t.login('alice')
    await t.setup(() => enter(t, d.user_code))
    t.jar = new CookieJar()
    await t.login('bob')
    const g = await t.setup(() => t.get('/oauth/device', { jar: t.jar }))
    const tok = csrfFieldOf(g.body)
    await t.post(
      '/oauth/device',
      { authenticity_token: tok, commit: 'Authorize' },
      { jar: t.jar, note: 'bob, without the field' },
    )
    await t.get('/oauth/device', { jar: t.jar, note: 'with the notice' })
    const k = await whole(t, d)
    await info(t, k.access_token || 'none', 'whose token is it? alice is 1, bob is 2')
  })
  scenario('N034', 'posting no user_code, nothing approved', async (t) => {
    await t.login('bob')
    const g = await t.setup(() => t.get('/oauth/device', { jar: t.jar }))
    const tok = csrfFieldOf(g.body)
    await t.post('/oauth/device', { authenticity_token: tok, commit: 'Authorize' }, { jar: t.jar })
    await t.get('/oauth/device', { jar: t.jar, note: 'with the notice' })
  })
  scenario('N035', 'user code with spaces or a dash', async (t) => {
    const d = (await t.setup(() => dev(t))).issued
    await t.login()
    const u = d.user_code || 'XXXXXXXX'
    await enter(t, `${u.slice(0, 4)}-${u.slice(4)}`)
    await t.get('/oauth/device', { jar: t.jar, note: 'with the notice' })
    await enter(t, ` ${u} `)
    await t.get('/oauth/device', { jar: t.jar, note: 'with the notice' })
  })
}
