import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { SeedDocument } from '../../src/monolith/index.ts'
import { Browser, type Page } from '../support/browser.ts'
import { type TestDatabase, testDatabases } from '../support/database.ts'
import { press, SEED, signedInBrowser, textOfPage } from '../support/monolith-platform.ts'
import { eventually } from '../support/wait.ts'
import { startTwoSides, type TwoSides } from './two-sides.ts'

const CALLBACK = 'https://web.example.test/callback'
const { web, phone } = SEED.clients
if (!web || !phone) throw new Error('the seed lacks its applications')
const seed: SeedDocument = {
  ...SEED,
  clients: {
    web,
    phone: { ...phone, redirect_uris: [CALLBACK] },
    house: { ...web, id: 11, uid: 'house', name: 'House App', trusted: true },
  },
}
const SIDES = ['monolith', 'iam'] as const
const otherThan = (side: (typeof SIDES)[number]) => (side === 'iam' ? 'monolith' : 'iam')
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'
const own = { client_id: 'web', client_secret: 'web-secret' }

for (const engine of testDatabases()) {
  describe(`consent and its revocation on both sides, on ${engine.kind}`, () => {
    let store: TestDatabase
    let sides: TwoSides
    before(async () => {
      store = await engine.open()
      sides = await startTwoSides(store.database, seed)
    })
    after(async () => {
      await sides?.close()
      await store?.close()
    })
    beforeEach(() => sides.lab('reset'))

    /** The end of an authorization request by a signed-in browser: a callback, or a page. */
    const ask = (browser: Browser, over: Record<string, string> = {}): Promise<Page> => {
      const query = { client_id: 'web', redirect_uri: CALLBACK, response_type: 'code', state: 's' }
      const asked = new URLSearchParams({ ...query, scope: 'openid read_user', ...over })
      return browser.open(`${sides.origin}/oauth/authorize?${asked}`, CALLBACK)
    }
    const resultOf = (page: Page) => {
      const answer = page.location?.searchParams
      if (answer) return answer.get('error') ?? (answer.has('code') ? 'code' : 'no code')
      return /^Authorization required/.test(textOfPage(page)) ? 'asked' : textOfPage(page).slice(0, 60)
    }
    const token = async (form: Record<string, string>) => {
      const body = new URLSearchParams({ ...own, ...form })
      const answer = await fetch(`${sides.origin}/oauth/token`, { method: 'POST', body })
      return (await answer.json()) as Record<string, string>
    }
    const isActive = async (value: string | undefined, side = sides.side) => {
      const before = sides.side
      sides.side = side
      const body = new URLSearchParams({ ...own, token: value ?? '' })
      const answer = await fetch(`${sides.origin}/oauth/introspect`, { method: 'POST', body })
      sides.side = before
      return ((await answer.json()) as { active: boolean }).active
    }
    const exchange = (page: Page) =>
      token({
        grant_type: 'authorization_code',
        code: page.location?.searchParams.get('code') ?? '',
        redirect_uri: CALLBACK,
      })
    /** A complete grant on one side: the page is shown, the user consents, the code is exchanged. */
    const grantOn = async (side: (typeof SIDES)[number], browser: Browser, over: Record<string, string> = {}) => {
      sides.side = side
      const page = await ask(browser, over)
      assert.equal(resultOf(page), 'asked')
      const answer = await browser.follow(await press(browser, page, 'Authorize'), CALLBACK)
      return exchange(answer)
    }
    const list = (browser: Browser) => browser.visit(`${sides.origin}/-/profile/authorized_applications`)
    const revoke = async (browser: Browser) => browser.follow(await press(browser, await list(browser), 'Revoke'))

    for (const side of SIDES) {
      const other = otherThan(side)

      test(`consent given on ${side} counts on ${other}, with scopes in any order, also for prompt=none`, async () => {
        const browser = await signedInBrowser(sides.origin)
        await grantOn(side, browser)
        sides.side = other
        assert.equal(resultOf(await ask(browser, { scope: 'read_user openid' })), 'code')
        assert.equal(resultOf(await ask(browser, { prompt: 'none' })), 'code')
        await sides.lab('advance?seconds=100000')
        const [again, anew] = [await ask(browser), await signedInBrowser(sides.origin)]
        assert.equal(resultOf(again), 'code', 'a token that has expired still counts')
        assert.equal(resultOf(await ask(anew)), 'code', 'in every browser of the user')
      })

      test(`consent given on ${side} counts on ${other} for the same scopes, user and application only`, async () => {
        const alice = await signedInBrowser(sides.origin)
        const bob = await signedInBrowser(sides.origin, 'bob')
        await grantOn(side, alice)
        sides.side = other
        assert.equal(resultOf(await ask(alice, { scope: 'openid' })), 'asked', 'fewer scopes ask again (A171)')
        assert.equal(resultOf(await ask(alice, { scope: 'openid', prompt: 'none' })), 'consent_required')
        assert.equal(resultOf(await ask(alice, { scope: 'openid read_user api' })), 'asked')
        assert.equal(resultOf(await ask(alice, { prompt: 'consent' })), 'asked')
        assert.equal(resultOf(await ask(bob)), 'asked')
        assert.equal(resultOf(await ask(bob, { prompt: 'none' })), 'consent_required')
        assert.equal(resultOf(await ask(bob, { client_id: 'house' })), 'code', 'a trusted application asks nobody')
        assert.equal(resultOf(await ask(bob, { client_id: 'house', prompt: 'none' })), 'code')
      })

      test(`a public application needs consent again on ${other}, as it does on ${side}`, async () => {
        const browser = await signedInBrowser(sides.origin)
        const page = { client_id: 'phone', scope: 'api' }
        sides.side = side
        const asked = await ask(browser, page)
        const answer = await browser.follow(await press(browser, asked, 'Authorize'), CALLBACK)
        const code = answer.location?.searchParams.get('code') ?? ''
        const form = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, client_id: 'phone' }
        const body = new URLSearchParams(form)
        assert.equal((await fetch(`${sides.origin}/oauth/token`, { method: 'POST', body })).status, 200)
        sides.side = other
        assert.equal(resultOf(await ask(browser, page)), 'asked')
      })

      test(`an application authorized on ${side} is listed, and revoking it ends what both sides issued`, async () => {
        const browser = await signedInBrowser(sides.origin)
        const first = await grantOn(side, browser)
        sides.side = other
        const second = await exchange(await ask(browser))
        const shown = textOfPage(await list(browser))
        assert.match(shown, /^Authorized applications Web <App> openid read_user Authorized 20\d\d-.* UTC Revoke$/)
        assert.match(textOfPage(await browser.open(`${sides.origin}/`)), /Web <App> openid read_user/)

        const waiting = await ask(browser)
        const notice = textOfPage(await revoke(browser))
        assert.match(notice, /^Web <App> may no longer use your account\. .*No application may use your account\.$/)
        assert.equal(await isActive(first['access_token'], side), false)
        assert.equal(await isActive(second['access_token'], other), false)
        assert.equal((await exchange(waiting))['error'], 'invalid_grant', 'nor does a code that waits give any')
        for (const each of SIDES) {
          sides.side = each
          assert.equal(resultOf(await ask(browser)), 'asked')
          assert.equal(resultOf(await ask(browser, { prompt: 'none' })), 'consent_required')
        }
      })
    }

    test('a device’s grant on IAM is listed, counts on the monolith, and is revoked with the rest', async () => {
      sides.side = 'iam'
      const browser = await signedInBrowser(sides.origin)
      const started = await fetch(`${sides.origin}/oauth/authorize_device`, {
        method: 'POST',
        body: new URLSearchParams({ ...own, scope: 'read_user' }),
      })
      const { device_code = '', user_code = '' } = (await started.json()) as Record<string, string>
      const page = await browser.visit(`${sides.origin}/oauth/device`)
      const approved = await browser.follow(await press(browser, page, 'Authorize', { user_code }))
      assert.match(textOfPage(approved), /^Device successfully authorized/)
      const pair = await eventually('the device gets its token', async () => {
        const answer = await token({ grant_type: DEVICE, device_code })
        return answer['access_token'] ? answer : undefined
      })
      assert.match(textOfPage(await list(browser)), /Web <App> read_user/)
      sides.side = 'monolith'
      assert.equal(resultOf(await ask(browser, { scope: 'read_user' })), 'code')
      await revoke(browser)
      assert.equal(await isActive(pair['access_token'], 'iam'), false)
    })

    test('revoking one application or user does not affect others', async () => {
      const alice = await signedInBrowser(sides.origin)
      const bob = await signedInBrowser(sides.origin, 'bob')
      await grantOn('iam', alice)
      const ofBob = await grantOn('iam', bob)
      const house = { client_id: 'house', scope: 'api' }
      const answer = await ask(alice, house)
      const form = { redirect_uri: CALLBACK, client_id: 'house', code: answer.location?.searchParams.get('code') ?? '' }
      const ofHouse = await token({ grant_type: 'authorization_code', ...form })
      await revoke(alice)
      assert.match(textOfPage(await list(alice)), /Web <App> openid read_user/, 'House App comes first and was revoked')
      assert.equal(await isActive(ofHouse['access_token']), false)
      await revoke(alice)
      assert.equal(await isActive(ofBob['access_token']), true)
      assert.match(textOfPage(await list(bob)), /Web <App>/)
    })

    describe('while IAM is down', () => {
      const withoutIam = async (work: () => Promise<void>) => {
        await sides.stopIam()
        sides.side = 'monolith'
        try {
          await work()
        } finally {
          await sides.startIam()
        }
      }

      test('consent given there counts here, and a user without consent is asked for it', async () => {
        const alice = await signedInBrowser(sides.origin)
        const bob = await signedInBrowser(sides.origin, 'bob')
        await grantOn('iam', alice)
        await withoutIam(async () => {
          assert.equal(resultOf(await ask(alice)), 'code')
          assert.equal(resultOf(await ask(alice, { prompt: 'none' })), 'code')
          assert.equal(resultOf(await ask(alice, { scope: 'openid' })), 'asked')
          assert.equal(resultOf(await ask(bob)), 'asked')
          assert.match(textOfPage(await list(alice)), /Web <App> openid read_user .*This list may be incomplete/)
        })
      })

      test('a revocation takes effect here at once and there as soon as IAM is back, and the user is informed', async () => {
        const browser = await signedInBrowser(sides.origin)
        const there = await grantOn('iam', browser)
        sides.side = 'monolith'
        const here = await exchange(await ask(browser))
        await withoutIam(async () => {
          const page = textOfPage(await revoke(browser))
          assert.match(page, /^Web <App> was revoked here, but the sign-in service has not confirmed it yet\./)
          assert.match(page, /You have revoked Web <App> \. The sign-in service has not confirmed this yet/)
          assert.equal(await isActive(here['access_token']), false)
          assert.equal(resultOf(await ask(browser)), 'asked')
          assert.equal(resultOf(await ask(browser, { prompt: 'none' })), 'consent_required')
        })
        sides.side = 'iam'
        assert.equal(resultOf(await ask(browser)), 'asked', 'IAM is told before it is asked')
        assert.equal(await isActive(there['access_token']), false)
        assert.doesNotMatch(textOfPage(await list(browser)), /Web <App>/)
      })

      test('a revocation that no request waits for is delivered all the same', async () => {
        const browser = await signedInBrowser(sides.origin)
        const there = await grantOn('iam', browser)
        await withoutIam(async () => void (await revoke(browser)))
        sides.side = 'iam'
        await eventually('the token of IAM ends', async () => !(await isActive(there['access_token'])))
      })
    })

    test('an unknown grant is not found, and another user can revoke none of mine', async () => {
      const alice = await signedInBrowser(sides.origin)
      const mine = await grantOn('iam', alice)
      const bob = await signedInBrowser(sides.origin, 'bob')
      const home = await bob.visit(`${sides.origin}/`)
      const token = Object.fromEntries(home.forms[0]?.fields ?? [])['authenticity_token'] ?? ''
      const form = { _method: 'delete', authenticity_token: token }
      const path = `${sides.origin}/-/profile/authorized_applications`
      assert.equal((await bob.visit(`${path}/1`, { form })).status, 303)
      assert.equal(await isActive(mine['access_token']), true)
      assert.equal((await bob.visit(`${path}/999`, { form })).status, 404)
      assert.equal((await bob.visit(`${path}/1`, { form: { _method: 'delete' } })).status, 422)
      assert.equal((await new Browser().visit(path)).location?.pathname, '/users/sign_in')
    })
  })
}
