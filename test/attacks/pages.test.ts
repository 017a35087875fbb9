import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Browser, type Page } from '../support/browser.ts'
import { copyCookies, press, sendSignIn, signedInBrowser, textOfPage } from '../support/monolith-platform.ts'
import { CALLBACK, clientId, ODD_NAME, SIDES, type Site, secretOf, startSite } from './site.ts'
import { authorizeAs, authorizeUrl, codeFor, walk } from './walk.ts'

const NATIVE = 'urn:ietf:wg:oauth:2.0:oob'

describe('the pages', () => {
  let site: Site
  let alice: Browser
  before(async () => {
    site = await startSite()
    alice = await signedInBrowser(site.url)
  })
  after(() => site?.close())

  const consentPage = async (side: 'monolith' | 'iam', over = {}): Promise<Page> =>
    (await walk(site, alice, alice.visit(authorizeUrl(site, side, over)))).page

  /** Asserts that a page can be neither framed nor sniffed, and does not leak its address. */
  function assertGuarded(page: Page): void {
    const where = `${page.url.pathname} (${page.status})`
    assert.equal(page.headers.get('x-frame-options'), 'SAMEORIGIN', where)
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff', where)
    assert.equal(page.headers.get('referrer-policy'), 'strict-origin-when-cross-origin', where)
    assert.doesNotMatch(page.headers.get('cache-control') ?? '', /public/, where)
    const policy = page.headers.get('content-security-policy')
    if (page.forms.length > 0) assert.match(policy ?? '', /default-src 'none'.*frame-ancestors 'self'/, where)
  }

  for (const side of SIDES) {
    test(`of a sign-in at ${side} cannot be framed, and do not leak their address`, async () => {
      const stranger = new Browser()
      const native = { client_id: clientId(side, 'native'), redirect_uri: NATIVE }
      const signIn = (await walk(site, stranger, stranger.visit(authorizeUrl(site, side)))).page
      const shown = await authorizeAs(site, alice, authorizeUrl(site, side, native))
      assert.match(textOfPage(shown.page), /^Authorization code:/)
      const refused = (await walk(site, alice, alice.visit(authorizeUrl(site, side, { scope: 'nonsense' })))).page
      for (const page of [signIn, await consentPage(side), shown.page, refused]) assertGuarded(page)
    })

    test(`of ${side} display no markup, control character or reversed text from a client's name`, async () => {
      const page = await consentPage(side, { client_id: clientId(side, 'odd') })
      assert.doesNotMatch(page.text, /<script>alert/)
      assert.ok(ODD_NAME.includes('\u202E'))
      assert.doesNotMatch(page.text, /[\u202A-\u202E\u2066-\u2069\u200E\u200F]|\p{Cc}(?<!\n)/u)
      assert.match(
        page.text,
        /Authorize <strong dir="auto">Bank&lt;\/strong&gt;&lt;script&gt;[^<]*<\/strong> to use your account\?/,
      )
    })

    test(`of ${side} display scopes as they are granted, and reject scopes that are arbitrary text`, async () => {
      for (const scope of ['<b>api</b>', 'api\u202Eyrevo', 'user:\u202Ex', 'read_user</li><li>profile']) {
        const { page } = await walk(site, alice, alice.visit(authorizeUrl(site, side, { scope })))
        assert.equal(page.status, 400, scope)
        assert.doesNotMatch(page.text, /<b>api|<\/li><li>profile/, scope)
        assert.doesNotMatch(textOfPage(page), /[\u202A-\u202E]/, scope)
      }
      const page = await consentPage(side, { scope: 'read_user openid' })
      assert.match(textOfPage(page), /to use your account\? read_user openid$/)
    })
  }

  test('elsewhere cannot be framed either', async () => {
    for (const path of ['/', '/users/sign_in', '/oauth/device', '/-/profile/applications']) {
      assertGuarded(await alice.visit(site.url + path))
    }
  })

  test('set cookies that scripts cannot read and other sites do not send', async () => {
    const stranger = new Browser()
    const signIn = await stranger.visit(`${site.url}/users/sign_in`)
    const answers = [
      signIn,
      await sendSignIn(stranger, signIn),
      await stranger.visit(authorizeUrl(site, 'iam')),
      await stranger.visit(`${site.url}/oauth/device`),
    ]
    const lines = answers.flatMap(({ headers }) => headers.getSetCookie())
    assert.deepEqual([...new Set(lines.map((line) => line.split('=', 1)[0]?.replace(/_[0-9a-f]{16}$/, '')))].sort(), [
      '_iam_flow',
      '_monolith_known',
      '_monolith_session',
    ])
    for (const line of lines) {
      assert.match(line, /; HttpOnly/i)
      assert.match(line, /; SameSite=Lax/i)
      assert.doesNotMatch(line, /; Domain=/i)
    }
  })

  test('never name a host other than the requested one (cache poisoning)', async () => {
    const path = '/.well-known/openid-configuration'
    const plain = await site.send(path)
    for (const headers of [
      { 'x-forwarded-host': 'evil.example.test' },
      { forwarded: 'host=evil.example.test' },
      { 'x-host': 'evil.example.test', 'x-original-host': 'evil.example.test' },
      { 'x-forwarded-proto': 'javascript' },
    ]) {
      assert.equal((await site.send(path, { headers })).body, plain.body, JSON.stringify(headers))
    }
    const poisoned = await site.send(path, { headers: { host: 'evil.example.test' } })
    assert.match(String(poisoned.headers['cache-control']), /private/)
    assert.equal((await site.send(path)).body, plain.body)
    for (const side of SIDES) {
      const device = await site.send('/oauth/authorize_device', {
        form: { client_id: clientId(side, 'phone') },
        headers: { 'x-forwarded-host': 'evil.example.test' },
      })
      assert.equal(device.json['verification_uri'], `${site.url}/oauth/device`)
    }
  })

  test('and requests leave no credential in any log', async () => {
    const planted: string[] = []
    for (const side of SIDES) {
      const code = await codeFor(site, side)
      const form = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK }
      const self = { client_id: clientId(side), client_secret: secretOf(side) }
      const { json } = await site.send('/oauth/token', { form: { ...form, ...self } })
      const access = String(json['access_token'])
      planted.push(code, access, String(json['refresh_token']), secretOf(side))
      // A place where tokens do not belong but occur in practice.
      await site.send(`/oauth/userinfo?access_token=${access}`)
      await site.send(`/oauth/token/info/${access}`)
      await site.send(`/oauth/authorize?client_secret=${secretOf(side)}&code=${code}&client_id=${clientId(side)}`)
      await site.send('/oauth/token', {
        form: { ...form, ...self },
        headers: { referer: `https://x.test/?code=${code}` },
      })
      const device = await site.send('/oauth/authorize_device', { form: { client_id: clientId(side, 'phone') } })
      const user = String(device.json['user_code'])
      planted.push(String(device.json['device_code']), user)
      await press(alice, await alice.visit(`${site.url}/oauth/device?user_code=${user}`), 'Authorize')
      await site.send('/oauth/token', {
        form: { grant_type: 'password', username: 'alice', password: 'alice-password', ...self },
      })
    }
    const stranger = new Browser()
    const begun = await stranger.visit(authorizeUrl(site, 'iam'))
    planted.push('alice-password', begun.location?.searchParams.get('login_challenge') ?? '')
    planted.push(...(await copyCookies(alice)).split('; ').map((pair) => pair.slice(pair.indexOf('=') + 1)))
    const all = site.log.join('\n')
    assert.ok(site.log.length > 50)
    assert.ok(planted.length > 12)
    for (const [at, secret] of planted.entries()) {
      assert.ok(secret.length >= 8, `no. ${at} is none`)
      assert.ok(!all.includes(secret), `no. ${at} is in the log`)
    }
  })
})

test('cookies are Secure when the site is https', async () => {
  const site = await startSite({
    monolith: { issuer: 'https://platform.example.test' },
    iam: { issuer: 'https://platform.example.test' },
  })
  try {
    const answers = [
      await site.send('/users/sign_in'),
      await site.send('/oauth/device'),
      await site.send(`/oauth/authorize?client_id=${clientId('iam')}`),
    ]
    const lines = answers.flatMap(({ headers }) => headers['set-cookie'] ?? [])
    assert.equal(lines.length, 3)
    for (const line of lines) assert.match(line, /; Secure/)
  } finally {
    await site.close()
  }
})
