import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { Browser } from '../../../test/support/browser.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { type IamStub, startIamStub } from '../../../test/support/iam-stub.ts'
import {
  fieldsOf,
  press,
  sendSignIn,
  signedInBrowser,
  startPlatform,
  textOfPage,
} from '../../../test/support/monolith-platform.ts'
import type { RunningMonolith } from '../index.ts'

const ISSUER = 'http://issuer.example.test'
const ONWARD = `${ISSUER}/oauth/authorize?verifier=v`

for (const engine of testDatabases()) {
  describe(`the hand-off from IAM on ${engine.kind}`, () => {
    let store: TestDatabase
    let iam: IamStub
    let monolith: RunningMonolith
    before(async () => {
      store = await engine.open()
      iam = await startIamStub(ONWARD)
      const settings = { issuer: ISSUER, iam: { internalUrl: iam.url, token: iam.token } }
      monolith = await startPlatform(store.database, settings)
    })
    after(async () => {
      await monolith.close()
      await iam.stop()
      await store.close()
    })
    beforeEach(() => {
      iam.failWith = undefined
      iam.redirectTo = ONWARD
      iam.signInNotBefore = 0
    })
    const at = (path: string) => `${monolith.url}${path}`
    const loginAt = (challenge: string) => at(`/users/sign_in?login_challenge=${challenge}`)
    const consentAt = (challenge: string) => at(`/-/iam/consent?consent_challenge=${challenge}`)
    const toldOf = (challenge: string) => iam.told.filter((told) => told.challenge === challenge)
    /** The data reported for a challenge; asserts that it was reported once. */
    const toldOnce = (challenge: string) => {
      const [told, ...more] = toldOf(challenge)
      assert.ok(told && more.length === 0)
      return { what: told.what, body: told.body as Record<string, unknown> }
    }

    describe('sign-in', () => {
      test('reports the user to IAM, and sends the browser on', async () => {
        const browser = new Browser()
        const challenge = iam.openLogin()
        const answer = await sendSignIn(browser, await browser.visit(loginAt(challenge)))
        assert.deepEqual([answer.status, answer.location?.href], [303, ONWARD])
        const { what, body } = toldOnce(challenge)
        assert.equal(what, 'login accept')
        const { auth_time, ...owner } = body
        const profile = {
          subject: '1',
          username: 'alice',
          name: 'Alice Example',
          email: 'alice@example.test',
          version: 1,
          credentials_epoch: 0,
        }
        assert.deepEqual(owner, { ...profile, claims: {} })
        assert.ok(Math.abs(Number(auth_time) - Date.now() / 1_000) < 60)
      })

      test('is skipped for a user who is already signed in', async () => {
        const browser = await signedInBrowser(monolith.url)
        const challenge = iam.openLogin()
        const answer = await browser.visit(loginAt(challenge))
        assert.deepEqual([answer.status, answer.location?.href], [303, ONWARD])
        assert.equal(toldOf(challenge).length, 1)
      })

      test('keeps its challenge after a wrong password', async () => {
        const browser = new Browser()
        const challenge = iam.openLogin()
        const again = await sendSignIn(browser, await browser.visit(loginAt(challenge)), 'alice', 'wrong')
        assert.equal(toldOf(challenge).length, 0)
        assert.equal((await sendSignIn(browser, again)).location?.href, ONWARD)
      })

      test('works in several tabs of one browser, each with its own challenge', async () => {
        const browser = new Browser()
        const challenges = [iam.openLogin(), iam.openLogin()]
        const first = await browser.visit(loginAt(challenges[0] ?? ''))
        const second = await browser.visit(loginAt(challenges[1] ?? ''))
        await browser.visit(at('/users/sign_in'))
        await sendSignIn(browser, first)
        // The first tab's sign-in started a new session, so the second tab's form is stale: it continues without a
        // password.
        const stale = await sendSignIn(browser, second, 'alice', 'typed into the stale form')
        assert.equal((await browser.follow(stale, ISSUER)).location?.href, ONWARD)
        for (const challenge of challenges) assert.equal(toldOf(challenge)[0]?.what, 'login accept')
      })

      test('is rejected to IAM for prompt=none when no user is signed in', async () => {
        const challenge = iam.openLogin({ prompt_none: true })
        const answer = await new Browser().visit(loginAt(challenge))
        assert.equal(answer.location?.href, ONWARD)
        const { what, body } = toldOnce(challenge)
        assert.deepEqual([what, body['error']], ['login reject', 'login_required'])
      })

      test('is required again when IAM requests it, and ends the previous session', async () => {
        const browser = await signedInBrowser(monolith.url)
        const challenge = iam.openLogin({ reauthenticate: true })
        const page = await browser.visit(loginAt(challenge))
        assert.equal(page.status, 200)
        assert.equal((await browser.visit(at('/oauth/device'))).location?.pathname, '/users/sign_in')
        const answer = await sendSignIn(browser, await browser.visit(loginAt(challenge)))
        assert.equal(answer.location?.href, ONWARD)
      })

      test('is not required twice when only the return to IAM failed', async () => {
        const browser = new Browser()
        const challenge = iam.openLogin({ reauthenticate: true })
        const page = await browser.visit(loginAt(challenge))
        iam.failWith = 503
        const failed = await sendSignIn(browser, page)
        assert.equal(failed.status, 502)
        assert.match(textOfPage(failed), /The sign-in service did not answer/)
        iam.failWith = undefined
        const retry = /<a class="button primary" href="([^"]+)">Try again/.exec(failed.text)?.[1] ?? ''
        assert.equal((await browser.visit(at(retry))).location?.href, ONWARD)
      })

      test('answers 502 while IAM is down, and keeps the challenge', async () => {
        const browser = new Browser()
        const challenge = iam.openLogin()
        await iam.stop()
        assert.equal((await browser.visit(loginAt(challenge))).status, 502)
        await iam.start()
        assert.equal((await browser.visit(loginAt(challenge))).status, 200)
      })

      test('with a challenge unknown to IAM is the sign-in page, or home for a signed-in user', async () => {
        for (const stale of [iam.openLogin(), 'unknown', '%00']) {
          iam.forget(stale)
          const stranger = new Browser()
          const form = await stranger.follow(await stranger.visit(loginAt(stale)))
          assert.equal(form.status, 200)
          assert.match(textOfPage(form), /This request has expired/)
          assert.equal(fieldsOf(form.forms[0]).login_challenge, undefined)
          const user = await signedInBrowser(monolith.url)
          const home = await user.follow(await user.visit(loginAt(stale)))
          assert.equal(home.status, 200)
          assert.match(textOfPage(home), /This request has expired.*Hello, Alice/)
          assert.doesNotMatch(textOfPage(await user.visit(at('/'))), /too old/)
        }
      })

      test('with a password succeeds even if IAM has forgotten the challenge in the meantime', async () => {
        const browser = new Browser()
        const challenge = iam.openLogin()
        const page = await browser.visit(loginAt(challenge))
        iam.forget(challenge)
        const home = await browser.follow(await sendSignIn(browser, page))
        assert.equal(home.status, 200)
        assert.match(textOfPage(home), /This request has expired.*Hello, Alice/)
      })

      test('can be sent twice at once, visited twice and bookmarked', async () => {
        const browser = new Browser()
        const challenge = iam.openLogin()
        const page = await browser.visit(loginAt(challenge))
        const sent = await Promise.all([sendSignIn(browser, page), sendSignIn(browser, page)])
        for (const answer of sent) assert.equal((await browser.follow(answer, ISSUER)).location?.href, ONWARD)
        for (let time = 0; time < 2; time++) {
          assert.equal((await browser.visit(loginAt(challenge))).location?.href, ONWARD)
        }
        assert.equal((await new Browser().visit(loginAt(challenge))).status, 200)
      })

      test('is required again when IAM reports that the one for this challenge is too old', async () => {
        const browser = new Browser()
        const challenge = iam.openLogin({ reauthenticate: true })
        await sendSignIn(browser, await browser.visit(loginAt(challenge)))
        iam.signInNotBefore = Math.floor(Date.now() / 1_000) + 3_600
        const page = await browser.visit(loginAt(challenge))
        assert.equal(page.status, 200)
        assert.equal(fieldsOf(page.forms[0]).login_challenge, challenge)
        iam.signInNotBefore = 0
        assert.equal((await sendSignIn(browser, page)).location?.href, ONWARD)
      })

      test('answers 502 when IAM knows the challenge but rejects the data, and keeps the challenge', async () => {
        const browser = new Browser()
        const challenge = iam.openLogin()
        const page = await browser.visit(loginAt(challenge))
        iam.failWith = 400
        const refused = await sendSignIn(browser, page)
        assert.equal(refused.status, 502)
        assert.doesNotMatch(textOfPage(refused), /too old/)
        iam.failWith = undefined
        assert.equal((await browser.visit(loginAt(challenge))).location?.href, ONWARD)
      })

      test('never sends the browser to another origin, whatever IAM answers', async () => {
        const browser = await signedInBrowser(monolith.url)
        for (const elsewhere of ['https://evil.example.test/', `${ISSUER}.evil.example.test/`, 'javascript:alert(1)']) {
          iam.redirectTo = elsewhere
          const page = await browser.visit(loginAt(iam.openLogin()))
          assert.deepEqual([page.status, page.location], [502, undefined])
        }
      })
    })

    describe('the consent page', () => {
      test('is the same page as the monolith’s own, and consent goes to IAM', async () => {
        const browser = await signedInBrowser(monolith.url)
        const challenge = iam.openConsent({ requested_scope: ['api', 'openid'] })
        const page = await browser.visit(consentAt(challenge))
        assert.equal(textOfPage(page), 'Authorization required Authorize Client to use your account? api openid')
        assert.match(page.headers.get('content-security-policy') ?? '', /form-action 'self' https:$/)
        const answer = await press(browser, page, 'Authorize')
        assert.deepEqual([answer.status, answer.location?.href], [303, ONWARD])
        assert.deepEqual(toldOf(challenge), [
          { what: 'consent accept', challenge, body: { grant_scope: ['api', 'openid'], subject: '1' } },
        ])
      })

      test('reports a refusal to IAM', async () => {
        const browser = await signedInBrowser(monolith.url)
        const challenge = iam.openConsent({})
        const answer = await press(browser, await browser.visit(consentAt(challenge)), 'Deny')
        assert.equal(answer.location?.href, ONWARD)
        const { what, body } = toldOnce(challenge)
        assert.deepEqual([what, body['error']], ['consent reject', 'access_denied'])
      })

      test('is not shown when IAM says to skip it', async () => {
        const browser = await signedInBrowser(monolith.url)
        const challenge = iam.openConsent({ skip: true })
        assert.equal((await browser.visit(consentAt(challenge))).location?.href, ONWARD)
        assert.equal(toldOf(challenge)[0]?.what, 'consent accept')
      })

      test('requires sign-in first, and is shown afterwards', async () => {
        const browser = new Browser()
        const asked = await browser.visit(consentAt(iam.openConsent({})))
        assert.equal(asked.location?.pathname, '/users/sign_in')
        const page = await browser.follow(await sendSignIn(browser, await browser.follow(asked)))
        assert.match(textOfPage(page), /^Authorization required/)
      })

      test('is only for the user of the challenge; another user may start again', async () => {
        const alice = await signedInBrowser(monolith.url)
        const bob = await signedInBrowser(monolith.url, 'bob')
        const challenge = iam.openConsent({ subject: '1' })
        const refused = await bob.visit(consentAt(challenge))
        assert.equal(refused.status, 400)
        const { authenticity_token = '' } = fieldsOf((await bob.visit(at('/'))).forms[0])
        const forged = { authenticity_token, consent_challenge: challenge, continue: 'true' }
        assert.equal((await bob.visit(at('/-/iam/consent/accept'), { form: forged })).status, 400)
        assert.equal((await bob.visit(at('/-/iam/consent/reject'), { form: forged })).status, 400)
        assert.equal(toldOf(challenge).length, 0)
        assert.equal((await alice.visit(consentAt(challenge))).status, 200)
        const address = /<a class="button primary" href="([^"]+)">Continue as bob/.exec(refused.text)?.[1] ?? ''
        const goesOn = await bob.visit(at(address.replaceAll('&amp;', '&')))
        assert.equal(goesOn.location?.href, ONWARD)
        const { what, body } = toldOnce(challenge)
        assert.deepEqual([what, body['error']], ['consent reject', 'login_required'])
        assert.equal((await alice.visit(`${consentAt(challenge)}&continue=true`)).status, 200)
      })

      test('can be answered twice at once, again, and differently', async () => {
        const browser = await signedInBrowser(monolith.url)
        const challenge = iam.openConsent({})
        const page = await browser.visit(consentAt(challenge))
        const sent = await Promise.all([press(browser, page, 'Authorize'), press(browser, page, 'Authorize')])
        for (const answer of [...sent, await press(browser, page, 'Deny'), await press(browser, page, 'Deny')]) {
          assert.equal(answer.location?.href, ONWARD)
        }
        assert.equal((await browser.visit(consentAt(challenge))).status, 200)
      })

      test('cannot be answered from another site', async () => {
        const browser = await signedInBrowser(monolith.url)
        const challenge = iam.openConsent({})
        const page = await browser.visit(consentAt(challenge))
        for (const button of ['Authorize', 'Deny']) {
          assert.equal((await press(browser, page, button, { authenticity_token: 'AAAA' })).status, 422)
        }
        assert.equal(toldOf(challenge).length, 0)
      })

      test('answers 502 while IAM fails, and the answer can be sent again', async () => {
        const browser = await signedInBrowser(monolith.url)
        const challenge = iam.openConsent({})
        const page = await browser.visit(consentAt(challenge))
        iam.failWith = 500
        assert.equal((await press(browser, page, 'Authorize')).status, 502)
        assert.equal((await browser.visit(consentAt(challenge))).status, 502)
        iam.failWith = undefined
        assert.equal((await press(browser, page, 'Authorize')).location?.href, ONWARD)
      })

      test('redirects home with a message for a challenge unknown to IAM, and is 400 without a challenge', async () => {
        const browser = await signedInBrowser(monolith.url)
        const challenge = iam.openConsent({})
        const page = await browser.visit(consentAt(challenge))
        iam.forget(challenge)
        for (const button of ['Authorize', 'Deny']) {
          const refused = await press(browser, page, button)
          assert.deepEqual([refused.status, refused.location], [400, undefined])
        }
        const unknown = await browser.follow(await browser.visit(consentAt('unknown')))
        assert.match(textOfPage(unknown), /This request has expired/)
        assert.equal((await browser.visit(at('/-/iam/consent'))).status, 400)
      })
    })

    describe('the device page', () => {
      const enter = async (browser: Browser, user_code: string) =>
        browser.follow(await press(browser, await browser.visit(at('/oauth/device')), 'Authorize', { user_code }))

      test('approves a device of IAM by its code', async () => {
        iam.openDevice('IAMCODE1')
        const browser = await signedInBrowser(monolith.url)
        assert.match(textOfPage(await enter(browser, 'IAMCODE1')), /^Device successfully authorized/)
        assert.equal(toldOnce('IAMCODE1').body['subject'], '1')
        assert.match(textOfPage(await enter(browser, 'IAMCODE1')), /^The user code is invalid/)
      })

      test('reports an expired code in the same words as the monolith’s own (N026)', async () => {
        iam.openDevice('IAMCODE3', 'expired')
        const browser = await signedInBrowser(monolith.url)
        assert.match(textOfPage(await enter(browser, 'IAMCODE3')), /^The user code is expired/)
      })

      test('reports a failure rather than a wrong code while IAM fails', async () => {
        iam.openDevice('IAMCODE2')
        const browser = await signedInBrowser(monolith.url)
        iam.failWith = 500
        assert.match(textOfPage(await enter(browser, 'IAMCODE2')), /^The code could not be checked/)
        iam.failWith = undefined
        assert.match(textOfPage(await enter(browser, 'IAMCODE2')), /^Device successfully authorized/)
      })
    })

    describe('the protected API', () => {
      const ask = (token: string) => fetch(at('/api/v4/user'), { headers: { authorization: `Bearer ${token}` } })

      test('accepts tokens of IAM, opaque or JWT, by their scopes', async () => {
        iam.knowToken('gliamat-good', { active: true, subject: '2', client_id: 'client', scopes: ['read_user'] })
        iam.knowToken('aaa.bbb.ccc', { active: true, subject: '1', scopes: ['api'] })
        iam.knowToken('gliamat-narrow', { active: true, subject: '2', scopes: ['openid'] })
        assert.deepEqual(await (await ask('gliamat-good')).json(), { id: 2, scopes: ['read_user'] })
        assert.deepEqual(await (await ask('aaa.bbb.ccc')).json(), { id: 1, scopes: ['api'] })
        assert.equal((await ask('gliamat-narrow')).status, 403)
      })

      test('rejects a token unknown to IAM, and one without a user', async () => {
        const answer = await ask('gliamat-unknown')
        assert.equal(answer.status, 401)
        assert.match(answer.headers.get('www-authenticate') ?? '', /error="invalid_token"/)
        assert.equal((await ask('f'.repeat(64))).status, 401)
      })

      test('answers 503 with Retry-After while IAM cannot be reached', async () => {
        iam.failWith = 500
        const answer = await ask('gliamat-good')
        assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5'])
        assert.equal((await ask('f'.repeat(64))).status, 401)
      })
    })

    describe('the password check for IAM', () => {
      const check = (body: unknown, token: string | undefined = iam.token) =>
        fetch(at('/-/iam/resource_owner'), {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'gitlab-iam-auth-token': token },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        })

      test('identifies the user', async () => {
        const answer = await check({ username: 'bob', password: 'bob-password' })
        assert.equal(answer.status, 200)
        assert.equal(answer.headers.get('cache-control'), 'no-store')
        const { auth_time, ...owner } = (await answer.json()) as Record<string, unknown>
        const profile = { subject: '2', username: 'bob', name: 'Bob Example', email: 'bob@example.test' }
        assert.deepEqual(owner, { ...profile, version: 1, credentials_epoch: 0 })
        assert.ok(Number.isInteger(auth_time))
      })

      test('distinguishes a wrong password from a wrong token and a wrong form', async () => {
        assert.equal((await check({ username: 'bob', password: 'wrong' })).status, 404)
        assert.equal((await check({ username: 'bob@example.test', password: 'bob-password' })).status, 404)
        assert.equal((await check({ username: 'bob', password: 'bob-password' }, 'wrong')).status, 401)
        assert.equal((await check({ username: 'bob', password: 'bob-password' }, '')).status, 401)
        for (const body of [
          '',
          'x',
          '[]',
          { username: 'bob' },
          { username: ['bob'], password: 'x' },
          { username: 'b', password: 'x', more: 1 },
        ]) {
          assert.equal((await check(body)).status, 400)
        }
      })
    })
  })
}
