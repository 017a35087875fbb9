import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Browser } from '../support/browser.ts'
import { fieldsOf, press, sendSignIn, signedInBrowser } from '../support/monolith-platform.ts'
import { CALLBACK, SIDES, type Site, startSite } from './site.ts'
import { authorizeAs, authorizeUrl, type Walk, walk } from './walk.ts'

/** Addresses that are not the client's, although some parser may take them for it. */
const ELSEWHERE = [
  'https://evil.example.test/callback',
  '//evil.example.test/callback',
  '/\\evil.example.test',
  '\\\\evil.example.test',
  'https:/evil.example.test',
  'https:\\\\evil.example.test\\callback',
  `${CALLBACK}@evil.example.test`,
  'https://client.example.test@evil.example.test/callback',
  'https://client.example.test\\@evil.example.test/callback',
  'https://client.example.test.evil.example.test/callback',
  'https://client.example.test%2eevil.example.test/callback',
  'https://client.example.test:443@evil.example.test/callback',
  `${CALLBACK}/../../evil`,
  `${CALLBACK}/%2e%2e/evil`,
  `${CALLBACK}#@evil.example.test`,
  `${CALLBACK}\r\nLocation: https://evil.example.test`,
  `${CALLBACK}\u0000.evil.example.test`,
  `${CALLBACK} https://evil.example.test`,
  'http://client.example.test/callback',
  'javascript:alert(document.cookie)//https://client.example.test/callback',
  'data:text/html,<script>alert(1)</script>',
  'https://xn--client-9za.example.test/callback',
] as const

describe('an open redirect', () => {
  let site: Site
  before(async () => {
    site = await startSite()
  })
  after(() => site?.close())

  /** Asserts that every redirect went to the site itself or to the client's own address. */
  function assertStayed({ targets, page }: Walk): void {
    for (const target of targets) {
      const { origin, pathname } = new URL(target, page.url)
      const isClient = origin === new URL(CALLBACK).origin && pathname === '/callback'
      assert.ok(origin === site.url || isClient, `led to ${target}`)
    }
    assert.ok(!page.headers.has('refresh'))
    if (page.location === undefined)
      assert.doesNotMatch(page.text, /http-equiv=.?refresh|href="[^"]*evil|action="[^"]*evil/i)
  }

  for (const side of SIDES) {
    describe(`by an authorization request to ${side}`, () => {
      let alice: Browser
      before(async () => {
        alice = await signedInBrowser(site.url)
      })

      for (const redirect_uri of ELSEWHERE) {
        test(`to ${JSON.stringify(redirect_uri)} ends on a page of the site`, async () => {
          const came = await authorizeAs(site, alice, authorizeUrl(site, side, { redirect_uri }))
          assertStayed(came)
          assert.equal(came.page.location, undefined, 'no code and no error was sent')
          assert.ok(came.page.status >= 400, `${came.page.status}`)
        })
      }

      for (const [what, over] of [
        ['an unknown scope', { scope: 'nonsense' }],
        ['an unknown response type', { response_type: 'banana' }],
        ['a method of challenge that is none', { code_challenge: 'x', code_challenge_method: 'S512' }],
        ['prompt=none', { prompt: 'none', scope: 'openid' }],
        ['a client that is unknown', { client_id: 'nobody' }],
      ] as const) {
        test(`with ${what} sends its error to no other address`, async () => {
          for (const redirect_uri of ELSEWHERE.slice(0, 6)) {
            for (const browser of [alice, new Browser()]) {
              assertStayed(
                await walk(site, browser, browser.visit(authorizeUrl(site, side, { ...over, redirect_uri }))),
              )
            }
          }
        })
      }

      test('is not possible by changing the address in a refusal (C007)', async () => {
        const { page } = await walk(site, alice, alice.visit(authorizeUrl(site, side)))
        const changed = { redirect_uri: 'https://evil.example.test/callback' }
        assertStayed(await walk(site, alice, press(alice, page, 'Deny', changed)))
      })

      test('is not possible through the contents of the state', async () => {
        const state = 'x&redirect_uri=https://evil.example.test\r\nLocation: https://evil.example.test'
        const came = await authorizeAs(site, alice, authorizeUrl(site, side, { state }))
        assertStayed(came)
        assert.equal(came.page.location?.searchParams.get('state'), state)
      })
    })
  }

  describe('by the sign-in page', () => {
    for (const elsewhere of ELSEWHERE.slice(0, 8)) {
      test(`with ${JSON.stringify(elsewhere)} as the return address is not possible`, async () => {
        const browser = new Browser()
        const names = ['return_to', 'redirect_to', 'user_return_to', 'continue', 'next', 'redirect_uri']
        const query = new URLSearchParams(names.map((name) => [name, elsewhere] as [string, string]))
        const page = await browser.visit(`${site.url}/users/sign_in?${query}`)
        const sent = await sendSignIn(browser, page, 'bob')
        assertStayed(await walk(site, browser, Promise.resolve(sent)))
      })
    }

    for (const path of [
      '//evil.example.test/oauth/device',
      '/\\evil.example.test/..//oauth/device',
      '///oauth/device',
    ]) {
      test(`after ${path} is not possible`, async () => {
        const browser = new Browser()
        const asked = await browser.visit(new URL(`${site.url}${path}?user_code=x`))
        const came = await walk(site, browser, Promise.resolve(asked))
        assertStayed(came)
        if (came.page.forms.length > 0) {
          assertStayed(await walk(site, browser, sendSignIn(browser, came.page, 'bob')))
        }
      })
    }
  })

  test('with a made-up challenge or verifier is not possible', async () => {
    const alice = await signedInBrowser(site.url)
    const evil = encodeURIComponent('https://evil.example.test/')
    for (const path of [
      `/users/sign_in?login_challenge=${evil}`,
      `/-/iam/consent?consent_challenge=${evil}`,
      `/oauth/authorize?login_verifier=${evil}&redirect_uri=${evil}`,
      `/oauth/authorize?consent_verifier=${evil}&redirect_uri=${evil}`,
      `/oauth/authorize/native?code=${evil}&redirect_uri=${evil}`,
      `/oauth/device?user_code=${evil}&redirect_uri=${evil}`,
    ]) {
      assertStayed(await walk(site, alice, alice.visit(site.url + path)))
    }
  })

  test('by signing out is not possible', async () => {
    const alice = await signedInBrowser(site.url)
    const form = {
      ...fieldsOf((await alice.visit(site.url)).forms[0]),
      return_to: 'https://evil.example.test/',
      post_logout_redirect_uri: 'https://evil.example.test/',
    }
    assertStayed(await walk(site, alice, alice.visit(`${site.url}/users/sign_out`, { form })))
  })
})
