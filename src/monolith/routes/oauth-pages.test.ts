import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { Browser, type Page } from '../../../test/support/browser.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import {
  authorizePath,
  fieldsOf,
  press,
  sendSignIn,
  signedInBrowser,
  startPlatform,
  textOfPage,
} from '../../../test/support/monolith-platform.ts'
import { createLog } from '../../observability/index.ts'
import type { RunningMonolith } from '../index.ts'

for (const engine of testDatabases()) {
  describe(`OAuth pages on ${engine.kind}`, () => {
    let store: TestDatabase
    let monolith: RunningMonolith
    const logged: Array<Record<string, unknown>> = []
    before(async () => {
      store = await engine.open()
      const log = createLog('monolith', { destination: { write: (line) => void logged.push(JSON.parse(line)) } })
      monolith = await startPlatform(store.database, { testControls: true, log })
    })
    after(async () => {
      await monolith.close()
      await store.close()
    })
    beforeEach(async () => {
      assert.equal((await fetch(at('/__lab/reset'), { method: 'POST' })).status, 204)
    })
    const at = (path: string) => `${monolith.url}${path}`
    const token = async (fields: Record<string, string>) => {
      const body = new URLSearchParams({ client_id: 'web', client_secret: 'web-secret', ...fields })
      const answer = await fetch(at('/oauth/token'), { method: 'POST', body })
      return { status: answer.status, headers: answer.headers, json: (await answer.json()) as Record<string, string> }
    }
    const exchange = (page: Page) =>
      token({
        grant_type: 'authorization_code',
        code: page.location?.searchParams.get('code') ?? '',
        redirect_uri: 'https://web.example.test/callback',
      })
    const startDevice = async () => {
      const body = new URLSearchParams({ client_id: 'web', client_secret: 'web-secret', scope: 'read_user' })
      const answer = await fetch(at('/oauth/authorize_device'), { method: 'POST', body })
      return (await answer.json()) as { device_code: string; user_code: string }
    }

    test('a user consents, and the code yields a token for that user (B001)', async () => {
      const browser = await signedInBrowser(monolith.url)
      const page = await browser.visit(at(authorizePath()))
      assert.equal(textOfPage(page), 'Authorization required Authorize Web <App> to use your account? api')
      const answer = await press(browser, page, 'Authorize')
      assert.equal(answer.status, 302)
      assert.equal(answer.location?.searchParams.get('state'), 'st-1')
      const { json } = await exchange(answer)
      const user = await fetch(at('/api/v4/user'), { headers: { authorization: `Bearer ${json['access_token']}` } })
      assert.deepEqual(await user.json(), { id: 1, scopes: ['api'] })
      assert.match(textOfPage(await browser.visit(at('/'))), /Authorized applications Web <App> api/)
    })

    test('each grant is one log line without credentials', async () => {
      logged.length = 0
      const browser = await signedInBrowser(monolith.url)
      const answer = await press(browser, await browser.visit(at(authorizePath())), 'Authorize')
      const { json, headers } = await exchange(answer)
      const lines = logged.filter((line) => line['event'] === 'oauth_application:auth')
      assert.equal(lines.length, 1)
      assert.deepEqual(
        [lines[0]?.['client_id'], lines[0]?.['application_id'], lines[0]?.['grant_type']],
        ['web', 1, 'authorization_code'],
      )
      assert.ok(headers.get('x-request-id'))
      assert.equal(lines[0]?.['correlation_id'], headers.get('x-request-id'))
      const text = JSON.stringify(logged)
      const secrets = [
        json['access_token'],
        json['refresh_token'],
        answer.location?.searchParams.get('code'),
        'web-secret',
      ]
      for (const secret of secrets) assert.ok(secret && !text.includes(secret))
    })

    test('earlier consent is not requested again, except with prompt=consent', async () => {
      const browser = await signedInBrowser(monolith.url)
      const openid = { scope: 'openid' }
      await exchange(await press(browser, await browser.visit(at(authorizePath(openid))), 'Authorize'))
      assert.ok((await browser.visit(at(authorizePath(openid)))).location?.searchParams.get('code'))
      assert.equal((await browser.visit(at(authorizePath({ ...openid, prompt: 'consent' })))).status, 200)
    })

    test('a user refuses, by the form and by DELETE (C001, C012)', async () => {
      const browser = await signedInBrowser(monolith.url)
      const page = await browser.visit(at(authorizePath()))
      const denied = await press(browser, page, 'Deny')
      assert.equal(denied.location?.origin, 'https://web.example.test')
      assert.equal(denied.location?.searchParams.get('error'), 'access_denied')
      const real = await browser.visit(at(authorizePath()), {
        method: 'DELETE',
        headers: { 'x-csrf-token': fieldsOf(page.forms[0])['authenticity_token'] ?? '' },
      })
      assert.equal(real.location?.searchParams.get('error'), 'access_denied')
    })

    test('a refusal redirects only to an address proven to be the client’s', async () => {
      const browser = await signedInBrowser(monolith.url)
      const page = await browser.visit(at(authorizePath()))
      const moved = await press(browser, page, 'Deny', { redirect_uri: 'https://evil.example.test/' })
      assert.equal(moved.location, undefined)
      const unknown = await press(browser, page, 'Deny', { client_id: 'nobody' })
      assert.equal(unknown.location, undefined)
      const noType = await press(browser, page, 'Deny', { response_type: '' })
      assert.notEqual(noType.status, 500)
    })

    test('a decision without a token, with a foreign one, or from another site is rejected (B020-B028)', async () => {
      const browser = await signedInBrowser(monolith.url)
      const page = await browser.visit(at(authorizePath()))
      const other = await signedInBrowser(monolith.url, 'bob')
      for (const button of ['Authorize', 'Deny']) {
        assert.equal((await press(browser, page, button, { authenticity_token: 'AAAA' })).status, 422)
        assert.equal((await press(other, page, button)).status, 422)
        assert.equal((await press(new Browser(), page, button)).status, 422)
      }
    })

    test('a decision after the session ended requires sign-in and returns to the page', async () => {
      const browser = await signedInBrowser(monolith.url)
      const page = await browser.visit(at(authorizePath()))
      await store.database.query('delete from monolith.sessions')
      const answer = await press(browser, page, 'Authorize')
      const again = await browser.follow(await sendSignIn(browser, await browser.follow(answer)))
      assert.match(textOfPage(again), /^Authorization required/)
      assert.equal(fieldsOf(again.forms[0])['state'], 'st-1')
    })

    test('prompt=login ends the session and does not require sign-in twice (A146)', async () => {
      const browser = await signedInBrowser(monolith.url)
      const asked = await browser.visit(at(authorizePath({ scope: 'openid', prompt: 'login' })))
      assert.equal(asked.location?.pathname, '/users/sign_in')
      assert.match(textOfPage(await browser.visit(at('/'))), /You are signed out/)
      const answer = await sendSignIn(browser, await browser.follow(asked))
      assert.match(textOfPage(await browser.follow(answer)), /^Authorization required/)
    })

    test('prompt=select_account offers to continue as the signed-in user', async () => {
      const browser = await signedInBrowser(monolith.url)
      const page = await browser.open(at(authorizePath({ scope: 'openid', prompt: 'select_account' })))
      const onward = /<a href="([^"]+)">Continue<\/a>/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
      assert.match(textOfPage(await browser.visit(at(onward))), /^Authorization required/)
    })

    test('the consent page lets its forms lead to the client and nowhere else', async () => {
      const browser = await signedInBrowser(monolith.url)
      const phone = { client_id: 'phone', redirect_uri: 'myapp://oauth/callback' }
      const policy = (page: Page) => page.headers.get('content-security-policy') ?? ''
      assert.match(policy(await browser.visit(at(authorizePath()))), /form-action 'self' https:$/)
      assert.match(policy(await browser.visit(at(authorizePath(phone)))), /form-action 'self' myapp:$/)
      const signIn = (path: string) => new Browser().open(at(path))
      assert.match(policy(await signIn(authorizePath(phone))), /form-action 'self' myapp:$/)
      assert.match(policy(await signIn('/users/sign_in')), /form-action 'self'$/)
    })

    test('a client without an address has its code displayed to the signed-in user (B010, D003)', async () => {
      const browser = await signedInBrowser(monolith.url)
      const native = { client_id: 'native', redirect_uri: 'urn:ietf:wg:oauth:2.0:oob' }
      const shown = await browser.follow(
        await press(browser, await browser.visit(at(authorizePath(native))), 'Authorize'),
      )
      assert.match(textOfPage(shown), /^Authorization code: [0-9a-f]{64}$/)
      const stranger = await new Browser().visit(at('/oauth/authorize/native?code=x'))
      assert.equal(stranger.location?.pathname, '/users/sign_in')
    })

    test('a code on the native page is text, never markup (D004)', async () => {
      const browser = await signedInBrowser(monolith.url)
      const page = await browser.visit(at('/oauth/authorize/native?code=%3Cscript%3Ealert(1)%3C%2Fscript%3E'))
      assert.doesNotMatch(page.text, /<script>/)
    })

    test('a device is approved by its code, once (N025)', async () => {
      const device = await startDevice()
      const browser = await signedInBrowser(monolith.url)
      const page = await browser.visit(at(`/oauth/device?user_code=${device.user_code}`))
      const done = await browser.follow(await press(browser, page, 'Authorize'))
      assert.equal(textOfPage(done), 'Device successfully authorized Authorize device User code Cancel')
      const { json } = await token({
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: device.device_code,
      })
      assert.equal(json['scope'], 'read_user')
      const again = await browser.follow(await press(browser, page, 'Authorize'))
      assert.match(textOfPage(again), /^The user code is invalid/)
      assert.doesNotMatch(textOfPage(await browser.visit(at('/oauth/device'))), /invalid/)
    })

    test('a missing code takes over nothing (N033)', async () => {
      const device = await startDevice()
      const alice = await signedInBrowser(monolith.url)
      await press(alice, await alice.visit(at('/oauth/device')), 'Authorize', { user_code: device.user_code })
      const bob = await signedInBrowser(monolith.url, 'bob')
      const page = await bob.visit(at('/oauth/device'))
      const { authenticity_token = '' } = fieldsOf(page.forms[0])
      const answer = await bob.follow(await bob.visit(page.url, { form: { authenticity_token } }))
      assert.match(textOfPage(answer), /^The user code is invalid/)
    })

    test('a device code may be sent as JSON', async () => {
      const device = await startDevice()
      const browser = await signedInBrowser(monolith.url)
      const fields = fieldsOf((await browser.visit(at('/oauth/device'))).forms[0])
      const send = (user_code: string) =>
        browser.visit(at('/oauth/device'), { form: { ...fields, user_code }, headers: { accept: 'application/json' } })
      const wrong = await send('WRONG123')
      assert.deepEqual([wrong.status, JSON.parse(wrong.text)], [422, { errors: ['The user code is invalid'] }])
      assert.equal((await send(device.user_code)).status, 204)
    })

    test('time can be advanced, which expires tokens and ages sign-ins', async () => {
      const { json } = await token({ grant_type: 'password', username: 'alice', password: 'alice-password' })
      const headers = { authorization: `Bearer ${json['access_token']}` }
      assert.equal((await fetch(at('/api/v4/user'), { headers })).status, 200)
      assert.equal((await fetch(at('/__lab/advance?seconds=8000'), { method: 'POST' })).status, 204)
      assert.equal((await fetch(at('/api/v4/user'), { headers })).status, 401)
      for (const seconds of ['', '-1', '1e3', 'x', '99999999999']) {
        assert.equal((await fetch(at(`/__lab/advance?seconds=${seconds}`), { method: 'POST' })).status, 400)
      }
    })

    test('blank parameters are sent back by the consent page, and omitted from the answer', async () => {
      const browser = await signedInBrowser(monolith.url)
      const blank = { state: ' ', nonce: ' ', code_challenge: ' ', code_challenge_method: 'S256' }
      const page = await browser.visit(at(authorizePath(blank)))
      const { state, nonce, code_challenge } = fieldsOf(page.forms[0])
      assert.deepEqual([state, nonce, code_challenge], [' ', ' ', ' '])
      const answer = await press(browser, page, 'Authorize')
      assert.deepEqual([...(answer.location?.searchParams.keys() ?? [])], ['code'])
      assert.equal((await exchange(answer)).status, 200)
    })

    test('an unknown path is the 404 page, or JSON on request (O001, O002)', async () => {
      const page = await new Browser().visit(at('/nowhere'))
      assert.equal(page.status, 404)
      assert.match(textOfPage(page), /^The page you were looking for doesn't exist/)
      const json = await fetch(at('/nowhere'), { headers: { accept: 'application/json' } })
      assert.deepEqual(await json.json(), { status: 404, error: 'Not Found' })
      const consent = await new Browser().visit(at('/-/iam/consent?consent_challenge=x'))
      assert.equal(consent.status, 404)
      assert.equal((await fetch(at('/-/iam/resource_owner'), { method: 'POST' })).status, 404)
    })

    test('malformed requests are answered 400, and health is reported', async () => {
      const browser = await signedInBrowser(monolith.url)
      assert.equal((await browser.visit(at('/oauth/authorize?state=%zz'))).status, 400)
      assert.equal((await browser.visit(at('/users/sign_in?a=%ff'))).status, 400)
      assert.equal((await fetch(at('/healthz'))).status, 200)
      assert.equal((await fetch(at('/readyz'))).status, 200)
    })

    test('every answer has a request id, the caller’s own when it is a plain word', async () => {
      const given = await fetch(at('/nowhere'), { headers: { 'x-request-id': 'abc-123' } })
      assert.equal(given.headers.get('x-request-id'), 'abc-123')
      const odd = await fetch(at('/nowhere'), { headers: { 'x-request-id': '"><x' } })
      assert.match(odd.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
    })

    test('test controls are absent unless enabled', async () => {
      const plain = await startPlatform(store.database)
      try {
        assert.equal((await fetch(`${plain.url}/__lab/reset`, { method: 'POST' })).status, 404)
        assert.equal((await fetch(`${plain.url}/__lab/advance?seconds=1`, { method: 'POST' })).status, 404)
      } finally {
        await plain.close()
      }
    })
  })
}
