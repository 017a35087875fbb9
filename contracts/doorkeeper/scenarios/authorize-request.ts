import { csrfFieldOf, encodeForm, type Fields } from '../forms.ts'
import type { ScenarioSet } from '../scenario.ts'
import type { ClientKey } from '../seed.ts'
import { ALICE } from './requests.ts'

/** The authorization request: application, redirect URI, scope, PKCE (RFC 6749 §4.1.1, RFC 7636 §4.3). */
export const authorizeRequest: ScenarioSet = (scenario, seed) => {
  const { conf, multi } = seed.clients
  scenario('A001', 'logged out, valid request: to the login form and back', async (t) => {
    await t.authorize()
    await t.setup(() => t.login())
    await t.get('/oauth/authorize', { query: t.authz(), jar: t.jar, note: 'as the browser does after login' })
  })
  scenario('A002', 'logged out, no parameters at all', (t) => t.get('/oauth/authorize', { jar: t.jar }))
  scenario('A003', 'logged out, unknown client', (t) => t.authorize({ params: { client_id: 'nope' } }))
  scenario('A004', 'logged out: where login returns to', async (t) => {
    await t.authorize()
    const g = await t.get('/users/sign_in', { jar: t.jar })
    await t.post(
      '/users/sign_in',
      { authenticity_token: csrfFieldOf(g.body) ?? '', 'user[login]': 'alice', 'user[password]': ALICE.password },
      { jar: t.jar, note: 'the sign-in form' },
    )
  })
  const page = (id: string, title: string, params: Fields, client: ClientKey = 'conf') =>
    scenario(id, title, async (t) => {
      await t.login()
      await t.authorize({ client, params })
    })
  page('A014', 'empty client_id', { client_id: '' })
  page('A015', 'unknown client_id', { client_id: 'f'.repeat(64) })
  page('A019', 'redirect_uri not a URI', { redirect_uri: 'http://[bad' })
  page('A020', 'redirect_uri with a space', { redirect_uri: 'https://conf.example.test/call back' })
  page('A021', 'redirect_uri relative', { redirect_uri: '/callback' })
  page('A022', 'redirect_uri of another host', { redirect_uri: 'https://evil.example.test/callback' })
  page('A024', 'redirect_uri with a longer path', { redirect_uri: 'https://conf.example.test/callback/more' })
  page('A026', 'redirect_uri with a fragment', { redirect_uri: 'https://conf.example.test/callback#frag' })
  page('A030', 'redirect_uri with the default port spelled out', {
    redirect_uri: 'https://conf.example.test:443/callback',
  })
  page('A031', 'redirect_uri with another port', { redirect_uri: 'https://conf.example.test:444/callback' })
  page('A033', 'redirect_uri http instead of https', { redirect_uri: 'http://conf.example.test/callback' })
  page('A035', 'several redirect URIs: the first', { redirect_uri: multi.redirect_uris[0] }, 'multi')
  page(
    'A036',
    'several redirect URIs: the registered query, same order',
    { redirect_uri: 'https://two.example.test/cb?tenant=1&x=2' },
    'multi',
  )
  page(
    'A037',
    'several redirect URIs: the registered query, other order',
    { redirect_uri: 'https://two.example.test/cb?x=2&tenant=1' },
    'multi',
  )
  page(
    'A038',
    'several redirect URIs: the registered query, one more',
    { redirect_uri: 'https://two.example.test/cb?tenant=1&x=2&y=3' },
    'multi',
  )
  page(
    'A039',
    'several redirect URIs: the registered query left off',
    { redirect_uri: 'https://two.example.test/cb' },
    'multi',
  )
  page('A040', 'loopback 127.0.0.1, another port', { redirect_uri: 'http://127.0.0.1:54321/cb' }, 'multi')
  page('A041', 'loopback 127.0.0.1, another path', { redirect_uri: 'http://127.0.0.1:9999/other' }, 'multi')
  page('A042', 'loopback [::1], a port', { redirect_uri: 'http://[::1]:5050/cb' }, 'multi')
  page('A043', 'localhost, another port', { redirect_uri: 'http://localhost:8081/cb' }, 'multi')
  page('A045', 'loopback 127.0.0.2, another port', { redirect_uri: 'http://127.0.0.2:9999/cb' }, 'multi')
  page(
    'A046',
    'two redirect URIs in one parameter',
    { redirect_uri: 'https://one.example.test/cb https://two.example.test/cb?tenant=1&x=2' },
    'multi',
  )
  page('A048', 'public client, no PKCE', {}, 'public')
  page('A049', 'public client, loopback any port', { redirect_uri: 'http://127.0.0.1:4242/callback' }, 'public')
  page('A050', 'native client, out-of-band', {}, 'native')
  page('A051', 'out-of-band for a client that did not register it', { redirect_uri: 'urn:ietf:wg:oauth:2.0:oob' })
  for (const [i, rt] of [
    'token',
    'id_token',
    'code token',
    'code id_token',
    'none',
    'CODE',
    'code ',
    'bogus',
  ].entries())
    page(`A06${i}`, `response_type ${JSON.stringify(rt)}`, { response_type: rt })
  page('A071', 'known and unknown scope', { scope: 'api bogus' })
  page('A072', 'scope upper-cased', { scope: 'API' })
  page('A074', 'empty scope', { scope: '' })
  page('A075', 'repeated scope', { scope: 'api api read_user' })
  page('A078', 'scope with a tab and newline', { scope: 'api\tread_user\nopenid' })
  page('A079', 'every scope', { scope: 'api read_user read_api openid profile email read_repository write_repository' })
  page('A080', 'limited client: allowed scopes', { scope: 'read_user openid' }, 'limited')
  page('A083', 'scoped client (api read_api): no scope', { scope: undefined }, 'scoped')
  page('A084', 'out-of-band client, invalid scope', { scope: 'bogus' }, 'native')
  for (const [i, rm] of ['query', 'fragment', 'form_post', 'bogus', '', 'QUERY', 'query.jwt'].entries())
    page(`A09${i}`, `response_mode ${JSON.stringify(rm)}`, { response_mode: rm })
  page('A100', 'PKCE: challenge without a method', { code_challenge: 'a'.repeat(43) })
  page('A101', 'PKCE: unknown method', { code_challenge: 'a'.repeat(43), code_challenge_method: 'S512' })
  page('A102', 'PKCE: method lower-cased', { code_challenge: 'a'.repeat(43), code_challenge_method: 's256' })
  page('A103', 'PKCE: plain', { code_challenge: 'a'.repeat(43), code_challenge_method: 'plain' })
  page('A104', 'PKCE: S256', { code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' })
  page('A105', 'PKCE: method without a challenge', { code_challenge_method: 'S256' })
  page('A106', 'PKCE: unknown method without a challenge', { code_challenge_method: 'bogus' })
  page('A107', 'PKCE: empty challenge', { code_challenge: '', code_challenge_method: 'S256' })
  page('A109', 'PKCE: challenge with characters outside the alphabet', {
    code_challenge: 'a!b@c#'.repeat(10),
    code_challenge_method: 'S256',
  })
  page('A120', 'no state', { state: undefined })
  page('A121', 'empty state', { state: '' })
  page('A123', 'state of 3000 characters', { state: 's'.repeat(3000) })
  page('A124', 'state echoed in an error (invalid scope)', { state: 'a b&c=d/é', scope: 'bogus' })
  page('A125', 'unknown parameters', { foo: 'bar', audience: 'x', request: 'x.y.z', claims: '{}' })
  scenario('A126', 'client_id twice', async (t) => {
    await t.login()
    await t.get(`/oauth/authorize?${encodeForm({ ...t.authz(), client_id: ['f'.repeat(64), conf.uid] })}`, {
      jar: t.jar,
    })
    await t.get(`/oauth/authorize?${encodeForm({ ...t.authz(), client_id: [conf.uid, 'f'.repeat(64)] })}`, {
      jar: t.jar,
    })
  })
  scenario('A129', 'array and hash parameters', async (t) => {
    await t.login()
    await t.get(`/oauth/authorize?${encodeForm({ ...t.authz(), scope: undefined, 'scope[]': ['api', 'read_user'] })}`, {
      jar: t.jar,
    })
    await t.get(`/oauth/authorize?${encodeForm({ ...t.authz(), client_id: undefined, 'client_id[]': conf.uid })}`, {
      jar: t.jar,
    })
    await t.get(`/oauth/authorize?${encodeForm({ ...t.authz(), 'state[a]': 'x', state: undefined })}`, { jar: t.jar })
  })
  scenario('A130', 'malformed percent-encoding and invalid UTF-8 in the query', async (t) => {
    await t.login()
    await t.get(`/oauth/authorize?${encodeForm(t.authz({ params: { state: undefined } }))}&state=%zz`, { jar: t.jar })
    await t.get(`/oauth/authorize?${encodeForm(t.authz({ params: { state: undefined } }))}&state=%ff%fe`, {
      jar: t.jar,
    })
    await t.get(`/oauth/authorize?${encodeForm(t.authz({ params: { client_id: undefined } }))}&client_id=%00`, {
      jar: t.jar,
    })
  })
  scenario('A131', 'parameters separated by semicolons', async (t) => {
    await t.login()
    await t.get(`/oauth/authorize?${encodeForm(t.authz()).replace(/&/g, ';')}`, { jar: t.jar })
  })
  scenario('A133', 'trailing slash, format suffix and double slash', async (t) => {
    await t.login()
    for (const p of [
      '/oauth/authorize/',
      '/oauth/authorize.json',
      '/oauth//authorize',
      '/OAuth/authorize',
      '/oauth/authorize/new',
    ])
      await t.get(p, { query: t.authz(), jar: t.jar })
  })
  scenario('A134', 'a bearer token instead of a session', async (t) => {
    const k = await t.tokens()
    await t.get('/oauth/authorize', { query: t.authz(), auth: `Bearer ${k.access_token}` })
  })
}
