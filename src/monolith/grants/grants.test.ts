import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Browser, Page } from '../../../test/support/browser.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { type IamStub, startIamStub } from '../../../test/support/iam-stub.ts'
import {
  authorizePath,
  press,
  signedInBrowser,
  startPlatform,
  textOfPage,
} from '../../../test/support/monolith-platform.ts'
import { eventually } from '../../../test/support/wait.ts'
import type { RunningMonolith } from '../index.ts'

const ISSUER = 'http://issuer.example.test'
const ONWARD = `${ISSUER}/oauth/authorize?verifier=v`
const CALLBACK = 'https://web.example.test/callback'

for (const engine of testDatabases()) {
  describe(`the monolith and the grants of an IAM on ${engine.kind}`, () => {
    let store: TestDatabase
    let iam: IamStub
    let monolith: RunningMonolith
    before(async () => {
      store = await engine.open()
      iam = await startIamStub(ONWARD)
      const settings = { issuer: ISSUER, iam: { internalUrl: iam.url, token: iam.token }, testControls: true }
      monolith = await startPlatform(store.database, settings)
    })
    after(async () => {
      await monolith.close()
      await iam.stop()
      await store.close()
    })
    beforeEach(async () => {
      iam.grantCalls = 'answer'
      iam.granted.clear()
      iam.grantsAsked = 0
      assert.equal((await fetch(`${monolith.url}/__lab/reset`, { method: 'POST' })).status, 204)
    })
    const at = (path: string) => `${monolith.url}${path}`
    const grant = (scope: string, client_id = 'web', id = 1) => {
      return { id, client_id, client_name: `${client_id} of IAM`, scope, created_at: new Date().toISOString() }
    }
    const ask = (browser: Browser, over: Record<string, string> = {}) => browser.open(at(authorizePath(over)), CALLBACK)
    const isAsked = (page: Page) => /^Authorization required/.test(textOfPage(page))
    const hasCode = (page: Page) => page.location?.searchParams.has('code') === true
    const list = async (browser: Browser) => textOfPage(await browser.visit(at('/-/profile/authorized_applications')))
    const revoke = async (browser: Browser) => {
      const page = await browser.visit(at('/-/profile/authorized_applications'))
      return textOfPage(await browser.follow(await press(browser, page, 'Revoke')))
    }
    const revocations = () => iam.told.filter((told) => told.what === 'grants revoke').length
    const exchange = async (page: Page) => {
      const code = page.location?.searchParams.get('code') ?? ''
      const own = { client_id: 'web', client_secret: 'web-secret' }
      const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: CALLBACK, ...own })
      assert.equal((await fetch(at('/oauth/token'), { method: 'POST', body })).status, 200)
    }

    test('are queried when the monolith’s own do not suffice, and not again once they do', async () => {
      iam.granted.set('1', [grant('openid'), grant('api')])
      const browser = await signedInBrowser(monolith.url)
      const answer = await ask(browser)
      assert.ok(hasCode(answer))
      assert.equal(iam.grantsAsked, 1)
      await exchange(answer)
      assert.ok(hasCode(await ask(browser)))
      assert.equal(iam.grantsAsked, 1, 'a token of its own answers the question')
      assert.ok(isAsked(await ask(browser, { scope: 'openid read_user' })))
    })

    test('delay only one page while IAM hangs, and the next page does not wait', async () => {
      iam.grantCalls = 'hang'
      const [alice, bob] = [await signedInBrowser(monolith.url), await signedInBrowser(monolith.url, 'bob')]
      assert.ok(isAsked(await ask(alice)))
      assert.equal(iam.grantsAsked, 1)
      assert.ok(isAsked(await ask(bob)))
      assert.equal(iam.grantsAsked, 1, 'IAM is left alone for a while')
      const silent = await ask(alice, { scope: 'openid', prompt: 'none' })
      assert.equal(silent.location?.searchParams.get('error'), 'consent_required')
    })

    for (const failure of [500, 401, 'absent', 'hang'] as const) {
      test(`are remembered when IAM’s answer is ${failure}`, async () => {
        iam.granted.set('1', [grant('api')])
        const browser = await signedInBrowser(monolith.url)
        assert.match(await list(browser), /web of IAM api/)
        iam.grantCalls = failure
        assert.ok(hasCode(await ask(browser)))
        assert.ok(isAsked(await ask(await signedInBrowser(monolith.url, 'bob'))))
        const shown = await list(browser)
        assert.match(shown, /web of IAM api/)
        assert.equal(/This list may be incomplete/.test(shown), failure !== 'absent')
        iam.grantCalls = 'answer'
        iam.granted.set('1', [])
        assert.doesNotMatch(await list(browser), /web of IAM/, 'what IAM says is the truth')
      })
    }

    test('count as soon as the user has consented on IAM’s consent page, even if IAM then fails', async () => {
      const browser = await signedInBrowser(monolith.url)
      const client = { client_id: 'web', client_name: 'Web <App>', redirect_uri: CALLBACK }
      const challenge = iam.openConsent({ requested_scope: ['read_user', 'api'], client })
      await press(browser, await browser.visit(at(`/-/iam/consent?consent_challenge=${challenge}`)), 'Authorize')
      iam.grantCalls = 503
      assert.ok(hasCode(await ask(browser, { scope: 'api read_user' })))
      assert.ok(isAsked(await ask(browser, { scope: 'api' })))
    })

    test('are combined with the monolith’s own, including those of applications it does not know', async () => {
      const browser = await signedInBrowser(monolith.url)
      await exchange(await browser.follow(await press(browser, await ask(browser), 'Authorize'), CALLBACK))
      iam.granted.set('1', [grant('openid read_user'), grant('api', 'registered <there>', 77)])
      const shown = await list(browser)
      assert.match(shown, /registered <there> of IAM api .* Revoke Web <App> api openid read_user .* Revoke$/)
      await revoke(browser)
      assert.deepEqual(
        iam.granted.get('1')?.map((one) => one.client_id),
        ['web'],
      )
    })

    describe('when the user revokes a grant', () => {
      const shownFirst = async () => {
        iam.granted.set('1', [grant('api')])
        const browser = await signedInBrowser(monolith.url)
        await list(browser)
        return browser
      }

      for (const failure of [503, 'hang', 'absent'] as const) {
        test(`it is revoked at IAM once IAM can, although its answer is ${failure} now, and does not count until then`, async () => {
          const browser = await shownFirst()
          const before = revocations()
          const page = await browser.visit(at('/-/profile/authorized_applications'))
          iam.grantCalls = failure
          const notice = textOfPage(await browser.follow(await press(browser, page, 'Revoke')))
          assert.match(notice, /was revoked here, but the sign-in service has not confirmed it yet/)
          iam.grantCalls = 'answer'
          assert.match(await list(browser), /^Authorized applications No application may use your account\./)
          assert.ok(isAsked(await ask(browser)), 'IAM still has it, but it is revoked')
          const challenge = iam.openLogin({ client_id: 'web' })
          await browser.visit(at(`/users/sign_in?login_challenge=${challenge}`))
          assert.ok(revocations() > before, 'IAM hears of it before it hears of a sign-in')
          assert.doesNotMatch(await list(browser), /has not confirmed/)
        })
      }

      test('it is revoked by a monolith that starts after the one that recorded it', async () => {
        const browser = await shownFirst()
        const before = revocations()
        iam.grantCalls = 503
        await browser.follow(
          await press(browser, await browser.visit(at('/-/profile/authorized_applications')), 'Revoke'),
        )
        await monolith.close()
        iam.grantCalls = 'answer'
        const settings = { issuer: ISSUER, iam: { internalUrl: iam.url, token: iam.token }, testControls: true }
        monolith = await startPlatform(store.database, settings)
        await eventually('IAM is told', () => revocations() > before)
        await eventually('and not told again', async () => {
          const rows = await store.database.query('select from monolith.grant_revocations')
          return rows.length === 0
        })
      })

      test('it is revoked once, however often and in however many tabs the button is pressed', async () => {
        const browser = await shownFirst()
        const page = await browser.visit(at('/-/profile/authorized_applications'))
        const answers = await Promise.all([1, 2, 3].map(() => press(browser, page, 'Revoke')))
        assert.deepEqual(
          answers.map((answer) => answer.status),
          [303, 303, 303],
        )
        assert.match(await list(browser), /No application may use your account/)
        const rows = await store.database.query('select from monolith.grant_revocations')
        assert.equal(rows.length, 0)
      })
    })

    describe('the monolith reports its own grants at sign-in', () => {
      const acceptedWith = async (browser: Browser, request: Parameters<IamStub['openLogin']>[0]) => {
        const challenge = iam.openLogin(request)
        await browser.visit(at(`/users/sign_in?login_challenge=${challenge}`))
        return iam.told.find((told) => told.challenge === challenge)?.body as { granted_scopes?: string[] }
      }

      test('for the application of the challenge, when the challenge requests them', async () => {
        const browser = await signedInBrowser(monolith.url)
        const own = await ask(browser, { scope: 'openid api' })
        await exchange(await browser.follow(await press(browser, own, 'Authorize'), CALLBACK))
        const asks = { asks_granted_scopes: true }
        assert.deepEqual((await acceptedWith(browser, { client_id: 'web', ...asks })).granted_scopes, ['openid api'])
        assert.deepEqual((await acceptedWith(browser, { client_id: 'phone', ...asks })).granted_scopes, [])
        assert.equal((await acceptedWith(browser, { client_id: 'web' })).granted_scopes, undefined)
      })
    })
  })
}
