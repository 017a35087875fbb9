import type { ScenarioSet } from '../scenario.ts'
import type { AuthorizeOptions, ExchangeOptions, ScenarioRun } from '../scenario-run.ts'

/** The code exchange: the client, the code, its redirect URI (RFC 6749 §4.1.3). */
export const codeExchange: ScenarioSet = (scenario, seed) => {
  const { conf, multi, public: pub } = seed.clients
  const ex = (
    id: string,
    title: string,
    o: ExchangeOptions | ((t: ScenarioRun, code: string) => ExchangeOptions) = {},
    co: AuthorizeOptions = {},
  ) =>
    scenario(id, title, async (t) => {
      const code = await t.code(co)
      await t.exchange(code, typeof o === 'function' ? o(t, code) : o)
    })
  ex('E002', 'client by Basic', (t) => ({ auth: t.basic('conf') }))
  ex('E004', 'client both ways: Basic right, body wrong', (t) => ({
    auth: t.basic('conf'),
    params: t.creds('conf', 'wrong'),
  }))
  ex('E005', 'client both ways: Basic wrong, body right', (t) => ({
    auth: t.basic('conf', 'wrong'),
    params: t.creds('conf'),
  }))
  ex('E007', 'no client at all', { noauth: true })
  ex('E009', 'wrong secret in the body', { params: { client_secret: 'wrong' } })
  ex('E010', 'wrong secret by Basic', (t) => ({ auth: t.basic('conf', 'wrong') }))
  ex('E011', 'empty secret', { params: { client_secret: '' } })
  ex('E012', 'unknown client', { params: { client_id: 'f'.repeat(64), client_secret: 'x' } })
  ex('E014', 'Basic, scheme lower-cased', (t) => ({ auth: t.basic('conf').replace('Basic', 'basic') }))
  ex('E015', 'Basic, scheme upper-cased', (t) => ({ auth: t.basic('conf').replace('Basic', 'BASIC') }))
  ex('E018', 'Basic, empty', { auth: 'Basic ' })
  ex('E019', 'Basic, two spaces', (t) => ({ auth: t.basic('conf').replace('Basic ', 'Basic  ') }))
  ex('E021', 'Bearer with the client secret, client in the body', (t) => ({
    auth: `Bearer ${conf.secret}`,
    params: t.creds('conf'),
  }))
  ex('E023', 'client_id upper-cased', { params: { client_id: conf.uid.toUpperCase() } })
  ex('E024', 'secret with a trailing space', { params: { client_secret: `${conf.secret} ` } })
  ex(
    'E025',
    'public client, client_id only',
    { client: 'public', noauth: true, params: { client_id: pub.uid } },
    { client: 'public' },
  )
  ex('E026', 'public client, right secret', { client: 'public' }, { client: 'public' })
  ex('E028', 'public client, empty secret', { client: 'public', params: { client_secret: '' } }, { client: 'public' })
  ex('E029', 'public client by Basic, empty secret', (t) => ({ client: 'public', auth: t.basic('public', '') }), {
    client: 'public',
  })
  ex('E030', 'wrong code', { params: { code: 'f'.repeat(64) } })
  ex('E031', 'empty code', { params: { code: '' } })
  scenario('E033', 'code used twice; is the first token still good?', async (t) => {
    const c = await t.code()
    const r = await t.exchange(c)
    await t.exchange(c, { note: 'again' })
    await t.get('/oauth/token/info', {
      auth: `Bearer ${r.issued.access_token}`,
      note: 'the token of the first exchange',
    })
    await t.post(
      '/oauth/token',
      { grant_type: 'refresh_token', refresh_token: r.issued.refresh_token, ...t.creds('conf') },
      { note: 'its refresh token' },
    )
  })
  scenario('E034', 'code at 595 s', async (t) => {
    const c = await t.code()
    await t.advance(595)
    await t.exchange(c)
  })
  scenario('E035', 'code at 605 s', async (t) => {
    const c = await t.code()
    await t.advance(605)
    await t.exchange(c)
  })
  ex('E037', 'redirect_uri missing', { params: { redirect_uri: undefined } })
  ex('E039', 'redirect_uri with a trailing slash', { params: { redirect_uri: `${conf.redirect_uris[0]}/` } })
  ex('E040', 'redirect_uri with an extra query at exchange only', {
    params: { redirect_uri: `${conf.redirect_uris[0]}?x=1` },
  })
  ex(
    'E041',
    'redirect_uri with an extra query at authorize only',
    {},
    { params: { redirect_uri: `${conf.redirect_uris[0]}?x=1` } },
  )
  ex(
    'E042',
    'another registered redirect_uri than at authorize',
    { client: 'multi', params: { redirect_uri: multi.redirect_uris[2] } },
    { client: 'multi' },
  )
  ex(
    'E043',
    'loopback: another port than at authorize',
    { client: 'multi', params: { redirect_uri: 'http://127.0.0.1:2222/cb' } },
    { client: 'multi', params: { redirect_uri: 'http://127.0.0.1:1111/cb' } },
  )
  ex('E045', "another client's code", (t) => ({ client: 'conf', params: t.creds('other') }))
  scenario('E047', 'a failed exchange does not burn the code', async (t) => {
    const c = await t.code()
    await t.exchange(c, { params: { client_secret: 'wrong' } })
    await t.exchange(c, { params: { redirect_uri: 'https://evil.example.test/' } })
    await t.exchange(c, { params: t.creds('other') })
    await t.exchange(c)
  })
  ex('E048', 'scope at exchange: narrower', { params: { scope: 'read_user' } }, { params: { scope: 'api read_user' } })
  ex(
    'E051',
    'limited client, no scope at authorize: no code was given, so none is sent',
    { client: 'limited' },
    { client: 'limited', params: { scope: undefined } },
  )
  ex('E053', 'openid, no nonce', {}, { params: { scope: 'openid' } })
  ex('E054', 'nonce without openid', {}, { params: { scope: 'api', nonce: 'nonce-xyz' } })
  ex('E055', 'state at exchange', { params: { state: 'st-123' } })
  ex('E056', 'state at exchange in an error', { params: { state: 'st-123', code: 'wrong' } })

  ex('E130', 'Basic, form-encoded as RFC 6749 2.3.1 asks', () => ({
    auth: `Basic ${Buffer.from(`${conf.uid}:${conf.secret.replace('-', '%2D')}`).toString('base64')}`,
  }))
  ex('E132', 'Basic with an empty user, client in the body', (t) => ({
    auth: `Basic ${Buffer.from(':x').toString('base64')}`,
    params: t.creds('conf'),
  }))
  ex('E134', 'code with surrounding spaces', (_t, code) => ({ params: { code: ` ${code} ` } }))
  ex('E135', 'code upper-cased', (_t, code) => ({ params: { code: code.toUpperCase() } }))

  ex('E137', 'missing code and wrong secret', { params: { code: undefined, client_secret: 'wrong' } })
}
