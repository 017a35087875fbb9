import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Browser, type Page } from '../support/browser.ts'
import { copyCookies, fieldsOf, press, sendSignIn, signedInBrowser } from '../support/monolith-platform.ts'
import { SIDES, type Site, startSite } from './site.ts'
import { authorizeAs, authorizeUrl, walk } from './walk.ts'

const EVIL = 'https://evil.example.test'

describe('a forged request', () => {
  let site: Site
  before(async () => {
    site = await startSite()
  })
  after(() => site?.close())

  const consentPage = async (browser: Browser, side: 'monolith' | 'iam'): Promise<Page> =>
    (await walk(site, browser, browser.visit(authorizeUrl(site, side)))).page

  for (const side of SIDES) {
    describe(`to consent, at ${side}`, () => {
      test('from another site is rejected, with every field except the token', async () => {
        const alice = await signedInBrowser(site.url)
        for (const form of (await consentPage(alice, side)).forms) {
          const { authenticity_token: _token, ...fields } = fieldsOf(form)
          const answer = await alice.visit(form.action, { form: fields, headers: { origin: EVIL } })
          assert.deepEqual([answer.status, answer.location], [422, undefined])
        }
      })

      test('without a token, or with that of another session, is rejected', async () => {
        const alice = await signedInBrowser(site.url)
        const mallory = await signedInBrowser(site.url, 'mallory')
        const theirs = fieldsOf((await mallory.visit(`${site.url}/oauth/device`)).forms[0])['authenticity_token'] ?? ''
        assert.notEqual(theirs, '')
        const form = (await consentPage(alice, side)).forms[0]
        assert.ok(form)
        for (const authenticity_token of ['', 'x'.repeat(86), theirs]) {
          const answer = await alice.visit(form.action, { form: { ...fieldsOf(form), authenticity_token } })
          assert.equal(answer.status, 422)
        }
        assert.equal(
          (await alice.visit(form.action, { form: fieldsOf(form) })).location?.href.includes('code='),
          side === 'monolith',
        )
      })

      test('with the right token but from another site is rejected', async () => {
        const alice = await signedInBrowser(site.url)
        const form = (await consentPage(alice, side)).forms[0]
        assert.ok(form)
        for (const origin of [EVIL, 'null', `${site.url}.evil.example.test`, site.url.replace('http:', 'https:')]) {
          const answer = await alice.visit(form.action, { form: fieldsOf(form), headers: { origin } })
          assert.equal(answer.status, 422, origin)
        }
      })

      test('by GET changes nothing', async () => {
        const alice = await signedInBrowser(site.url)
        const form = (await consentPage(alice, side)).forms[0]
        assert.ok(form)
        const query = new URLSearchParams({ ...fieldsOf(form), _method: 'post' })
        const answer = await alice.visit(`${form.action}?${query}`)
        assert.ok(!answer.location?.href.includes('code='))
        assert.ok(!answer.location?.href.includes('consent_verifier='))
      })
    })
  }

  describe('to sign in', () => {
    test('as the attacker, from another site, is rejected (login CSRF)', async () => {
      const victim = new Browser()
      await victim.visit(`${site.url}/users/sign_in`)
      const form = { 'user[login]': 'mallory', 'user[password]': 'mallory-password' }
      for (const headers of [{ origin: EVIL }, {}]) {
        const answer = await victim.visit(`${site.url}/users/sign_in`, { form, headers })
        assert.equal(answer.status, 422)
      }
      assert.match((await victim.visit(site.url)).text, /You are signed out/)
    })
  })

  describe('session fixation', () => {
    test('gains nothing: signing in starts another session, and the previous one is not signed in', async () => {
      const victim = new Browser()
      const page = await victim.visit(`${site.url}/users/sign_in`)
      const planted = await copyCookies(victim)
      await sendSignIn(victim, page)
      assert.notEqual(await copyCookies(victim), planted)
      const attacker = await new Browser().visit(site.url, { headers: { cookie: planted } })
      assert.match(attacker.text, /You are signed out/)
    })

    test('signing out ends the session even where its cookie was copied', async () => {
      const victim = await signedInBrowser(site.url)
      const copied = await copyCookies(victim)
      const home = await victim.visit(site.url)
      assert.match(home.text, /alice/)
      await press(victim, home, 'Sign out')
      assert.match((await new Browser().visit(site.url, { headers: { cookie: copied } })).text, /You are signed out/)
    })

    test("by a sign-in that was started in the attacker's browser gives the attacker no code", async () => {
      const attacker = new Browser()
      const begun = await attacker.visit(authorizeUrl(site, 'iam'))
      const challenge = begun.location
      assert.ok(challenge?.searchParams.has('login_challenge') === true)
      // The signed-in victim follows the attacker's link, and is sent back to IAM with a verifier.
      const victim = await signedInBrowser(site.url)
      const sentBack = await victim.visit(challenge)
      const verifier = sentBack.location
      assert.ok(verifier?.searchParams.has('login_verifier') === true)
      const came = await walk(site, victim, Promise.resolve(sentBack))
      assert.deepEqual([came.page.status, came.page.location], [400, undefined])
      // Nor does the verifier help the attacker in another browser, once the victim has used it or it was stolen.
      const other = await new Browser().visit(verifier)
      assert.deepEqual([other.status, other.location], [400, undefined])
    })

    test("by consent to another user's challenge is rejected", async () => {
      const alice = await signedInBrowser(site.url)
      const page = await consentPage(alice, 'iam')
      assert.ok(page.url.searchParams.has('consent_challenge'))
      const mallory = await signedInBrowser(site.url, 'mallory')
      const shown = await mallory.visit(page.url)
      assert.deepEqual([shown.status, shown.forms.length], [400, 0])
      const own = fieldsOf((await mallory.visit(`${site.url}/oauth/device`)).forms[0])
      const form = {
        authenticity_token: own['authenticity_token'] ?? '',
        consent_challenge: page.url.searchParams.get('consent_challenge') ?? '',
      }
      for (const answer of ['accept', 'reject']) {
        const sent = await mallory.visit(`${site.url}/-/iam/consent/${answer}`, { form })
        assert.deepEqual([sent.status, sent.location], [400, undefined])
      }
      const { page: done } = await walk(site, alice, press(alice, page, 'Authorize'))
      assert.match(done.location?.search ?? '', /code=/)
    })
  })

  test("consent shown for one client is not given to another by changing the form's client", async () => {
    for (const side of SIDES) {
      const alice = await signedInBrowser(site.url)
      const page = await consentPage(alice, side)
      const changed = {
        client_id: `${side}-odd`,
        redirect_uri: `${EVIL}/callback`,
        scope: 'api',
        consent_challenge: page.url.searchParams.get('consent_challenge') ?? '',
      }
      const came = await walk(site, alice, press(alice, page, 'Authorize', changed))
      const location = came.page.location?.href ?? ''
      assert.ok(!location.startsWith(EVIL))
      if (side === 'monolith') assert.ok(!location.includes('code='))
    }
  })

  test('a browser that is signed in as another user at the end consents for no user', async () => {
    for (const side of SIDES) {
      const browser = await signedInBrowser(site.url)
      const page = await consentPage(browser, side)
      await sendSignIn(browser, await browser.visit(`${site.url}/users/sign_in`), 'bob')
      const answer = await press(browser, page, 'Authorize')
      assert.ok(!answer.location?.href.includes('code='), side)
      assert.ok(!answer.location?.href.includes('consent_verifier='), side)
    }
    const { page } = await authorizeAs(site, new Browser(), authorizeUrl(site, 'iam'))
    assert.match(page.location?.search ?? '', /code=/)
  })
})
