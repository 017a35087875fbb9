import { CookieJar } from '../cookie-jar.ts'
import { csrfFieldOf, csrfMetaOf, encodeForm, type Fields } from '../forms.ts'
import type { ScenarioSet } from '../scenario.ts'
import type { AuthorizeOptions } from '../scenario-run.ts'

/** The consent form, approved, denied and tampered with, and the page that shows a code. */
export const consent: ScenarioSet = (scenario) => {
  const approve = (id: string, title: string, o: AuthorizeOptions = {}, over: Fields = {}) =>
    scenario(id, title, async (t) => {
      await t.login()
      const p = await t.setup(() => t.authorize(o))
      await t.submit(p, 'post', over)
    })
  approve('B001', 'approve')
  approve('B002', 'approve, state with odd characters', { params: { state: 'a b&c=d/é+%25"' } })
  approve('B003', 'approve, no state', { params: { state: undefined } })
  approve('B004', 'approve, redirect with a registered query', {
    client: 'multi',
    params: { redirect_uri: 'https://two.example.test/cb?tenant=1&x=2' },
  })
  approve('B006', 'approve, response_mode=fragment', { params: { response_mode: 'fragment' } })
  scenario('B010', 'approve, out-of-band: redirect to the display page and the page itself', async (t) => {
    await t.login()
    const p = await t.setup(() => t.authorize({ client: 'native' }))
    const r = await t.submit(p, 'post')
    const l = r.headers.location
    if (l) await t.get(l.replace(t.base, ''), { jar: t.jar })
  })
  approve('B011', 'form changed: unknown client', {}, { client_id: 'f'.repeat(64) })
  approve('B013', 'form changed: unknown scope', {}, { scope: 'bogus' })
  approve('B015', 'form changed: response_type', {}, { response_type: 'token' })
  approve('B018', 'form changed: no client_id', {}, { client_id: undefined })
  approve('B020', 'wrong CSRF token', {}, { authenticity_token: 'AAAA' })
  approve('B021', 'no CSRF token', {}, { authenticity_token: undefined })
  scenario('B024', "approve with another session's CSRF token", async (t) => {
    await t.login()
    const p = await t.setup(() => t.authorize())
    const other = new CookieJar()
    await t.login('bob', other)
    await t.submit(p, 'post', {}, { jar: other })
  })
  scenario('B025', 'approve as JSON', async (t) => {
    await t.login()
    const p = await t.setup(() => t.authorize())
    const tok = csrfFieldOf(p.body)
    await t.req('POST', '/oauth/authorize', { json: t.authz(), jar: t.jar, headers: { 'X-CSRF-Token': tok ?? '' } })
  })
  scenario('B028', 'approve from a foreign Origin', async (t) => {
    await t.login()
    const p = await t.setup(() => t.authorize())
    await t.submit(p, 'post', {}, { headers: { Origin: 'https://evil.example.test' } })
  })
  const deny = (id: string, title: string, o: AuthorizeOptions = {}, over: Fields = {}) =>
    scenario(id, title, async (t) => {
      await t.login()
      const p = await t.setup(() => t.authorize(o))
      await t.submit(p, 'delete', over)
    })
  deny('C001', 'deny (POST with _method=delete)')
  deny('C003', 'deny, out-of-band', { client: 'native' })
  deny('C004', 'deny, response_mode=fragment', { params: { response_mode: 'fragment' } })
  deny('C005', 'deny, response_mode=form_post', { params: { response_mode: 'form_post' } })
  deny('C008', 'deny, form changed: unknown client', {}, { client_id: 'f'.repeat(64) })
  deny('C011', 'deny, wrong CSRF token', {}, { authenticity_token: 'AAAA' })
  scenario('C012', 'deny, real DELETE method', async (t) => {
    await t.login()
    const p = await t.setup(() => t.authorize())
    const tok = csrfMetaOf(p.body)
    await t.req('DELETE', '/oauth/authorize', { query: t.authz(), jar: t.jar, headers: { 'X-CSRF-Token': tok ?? '' } })
  })
  scenario('C014', 'deny, then ask again: page', async (t) => {
    await t.login()
    const p = await t.setup(() => t.authorize())
    await t.submit(p, 'delete')
    await t.authorize()
  })
  scenario('D001', 'native page with a code nobody issued', async (t) => {
    await t.login()
    await t.get('/oauth/authorize/native?code=abc123', { jar: t.jar })
  })
  scenario('D002', 'native page without a code', async (t) => {
    await t.login()
    await t.get('/oauth/authorize/native', { jar: t.jar })
  })
  scenario('D004', 'native page, markup in the code', async (t) => {
    await t.login()
    await t.get(`/oauth/authorize/native?${encodeForm({ code: '<script>alert(1)</script>' })}`, { jar: t.jar })
  })
  scenario('D005', 'other methods and the path form', async (t) => {
    await t.login()
    await t.req('POST', '/oauth/authorize/native', { form: { code: 'x' }, jar: t.jar })
    await t.get('/oauth/authorize/abc123', { jar: t.jar })
  })
}
