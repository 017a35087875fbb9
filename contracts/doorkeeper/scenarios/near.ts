import { encodeForm } from '../forms.ts'
import type { ScenarioSet } from '../scenario.ts'
import { ALICE, info } from './requests.ts'

/** Cases near the recorded ones: how Ruby, Rack and Rails read blank, repeated, structured and truncated values. */
export const near: ScenarioSet = (scenario, seed) => {
  const { conf, multi } = seed.clients
  const walk = (id: string, title: string, client: 'conf' | 'multi', redirect_uri: string) =>
    scenario(id, title, async (t) => {
      await t.login()
      const code = t.codeOf(await t.submit(await t.authorize({ client, params: { redirect_uri } })))
      await t.exchange(code, { client, params: { redirect_uri } })
    })
  walk('R001', 'redirect_uri with a space in its query', 'conf', `${conf.redirect_uris[0]}?a b`)
  walk('R002', 'redirect_uri with an empty query', 'conf', `${conf.redirect_uris[0]}?&`)
  walk('R003', 'a registered query with an ampersand more', 'multi', `${multi.redirect_uris[1]}&`)
  const ask = (id: string, title: string, params: Record<string, string | undefined>) =>
    scenario(id, title, async (t) => {
      await t.login()
      await t.authorize({ params })
    })
  ask('R010', 'blank state, nonce and challenge', { state: ' ', nonce: '\t', code_challenge: ' ' })
  ask('R011', 'scopes parted by a blank that is not ASCII', { scope: 'api\u00a0read_user' })
  ask('R012', 'scope with an open part', { scope: 'user:1' })
  ask('R013', 'prompt as a list', { scope: 'openid', 'prompt[]': 'none' })
  ask('R014', 'prompt of a tab', { scope: 'openid', prompt: '\t' })
  ask('R015', 'prompt=create', { scope: 'openid', prompt: 'create' })
  scenario('R016', 'prompt=none, out-of-band, logged out', (t) =>
    t.authorize({ client: 'native', params: { scope: 'openid', prompt: 'none' } }),
  )
  scenario('R017', 'max_age=0 a while after the sign-in', async (t) => {
    await t.login()
    await t.advance(60)
    await t.authorize({ params: { scope: 'openid', max_age: '0' } })
  })
  for (const [index, field] of ['code', 'code[]', 'code[]=', 'code=&code', 'code=+'].entries())
    scenario(`R02${index}`, `code exchange with ${field}`, (t) =>
      t.post('/oauth/token', {}, { form: `grant_type=authorization_code&${field}&${encodeForm(t.creds('conf'))}` }),
    )
  for (const [index, name] of ['[code]', 'code]', 'x=1;code', 'code[]=x&code', 'code=x&code'].entries())
    scenario(`R03${index}`, `code exchange with the code as ${name}`, async (t) => {
      const rest = encodeForm({
        grant_type: 'authorization_code',
        redirect_uri: conf.redirect_uris[0],
        ...t.creds('conf'),
      })
      const code = await t.code()
      await t.post('/oauth/token', {}, { form: `${rest}&${name}=${code}` })
    })
  for (const [index, value] of [null, true, false, 0, [], {}, [null], [''], ['x'], { a: 1 }].entries())
    scenario(`R04${index}`, `code exchange with the code ${JSON.stringify(value)} in JSON`, (t) =>
      t.req('POST', '/oauth/token', { json: { grant_type: 'authorization_code', code: value, ...t.creds('conf') } }),
    )
  scenario('R050', 'refresh with the client given twice, the right one last', async (t) => {
    const { refresh_token } = await t.tokens()
    const client_id = ['x', conf.uid]
    await t.post('/oauth/token', { grant_type: 'refresh_token', refresh_token, ...t.creds('conf'), client_id })
  })
  scenario('R051', 'refresh by Basic, another client in the body', async (t) => {
    const { refresh_token } = await t.tokens()
    const form = { grant_type: 'refresh_token', refresh_token, ...t.creds('other') }
    await t.post('/oauth/token', form, { auth: t.basic('conf') })
  })
  scenario('R052', 'revoke and introspect with the token given twice', async (t) => {
    const { access_token = '' } = await t.tokens()
    const token = ['x', access_token]
    await t.post('/oauth/introspect', { token, ...t.creds('conf') })
    await t.post('/oauth/revoke', { token, ...t.creds('conf') })
    await info(t, access_token)
  })
  scenario('R053', 'bearer token beside a blank parameter, and twice in the query', async (t) => {
    const { access_token = '' } = await t.tokens()
    await t.get('/oauth/token/info', { query: { access_token: ' ' }, auth: `Bearer ${access_token}` })
    await t.get('/oauth/token/info', { query: { access_token: [access_token, access_token] } })
    await t.get('/oauth/token/info', { query: { 'access_token]': access_token } })
  })
  const part = (name: string, value: string) =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const parts = (creds: { client_id: string; client_secret: string }) =>
    Object.entries({ grant_type: 'client_credentials', ...creds })
      .map(([name, value]) => part(name, value))
      .join('')
  scenario('R060', 'multipart without an end, and without a boundary', async (t) => {
    const body = parts(t.creds('conf'))
    await t.req('POST', '/oauth/token', { body, type: 'multipart/form-data; boundary=b' })
    const form = encodeForm({ grant_type: 'client_credentials', ...t.creds('conf') })
    await t.req('POST', '/oauth/token', { body: form, type: 'multipart/form-data' })
    await t.req('POST', '/oauth/token', { body: form, type: 'multipart/form-data; boundary=b' })
  })
  scenario('R061', 'JSON under a name of its own', (t) =>
    t.req('POST', '/oauth/token', { json: { ...ALICE, ...t.creds('conf') }, type: 'application/vnd.api+json' }),
  )
  scenario('R062', 'nothing served, by suffix and by Accept', async (t) => {
    for (const path of ['/oauth/nope.json', '/oauth/token.json', '/oauth/token.xml']) await t.get(path)
    await t.get('/oauth/nope.xml', { headers: { Accept: 'application/json' } })
  })
}
