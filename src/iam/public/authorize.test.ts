import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, beforeEach, describe, test } from 'node:test'
import { issueVerifier } from '../../credentials/index.ts'
import { INTERNAL_PATHS } from '../../handoff/index.ts'
import type { Database } from '../../storage/index.ts'
import { Browser } from '../testing/browser.ts'
import {
  authorizeUrl,
  confidential,
  exchange,
  native,
  postForm,
  publicClient,
  replicateAll,
  SECRET,
  trusted,
} from '../testing/clients.ts'
import { handOffSteps } from '../testing/hand-off.ts'
import { alice, bob, type Platform, startPlatform, testDatabases, VERIFIER_KEY } from '../testing/platform.ts'

const openid = { scope: 'openid email' }

for (const { name, open } of testDatabases(process.env['HANDOVER_TEST_DATABASE_URL']))
  describe(`authorization by hand-off, on ${name}`, () => {
    let database: Database
    let platform: Platform
    let browser: Browser

    before(async () => {
      database = await open()
      platform = await startPlatform(database, 'iam_authorize')
      await replicateAll(platform)
    })
    after(async () => {
      await platform.close()
      await database.close()
    })
    beforeEach(async () => {
      await fetch(`${platform.origin}/__lab/reset`, { method: 'POST' })
      Object.assign(platform.behaviour, { user: alice, signIn: 'accept', consent: 'accept' })
      browser = new Browser(platform.origin)
    })

    const { challengeOf, startSignIn, acceptLogin, startConsent, acceptConsent } = handOffSteps(() => platform)
    /** Earlier consent: a token of this user and client. */
    const giveConsent = async (changes: Record<string, string | undefined> = {}) => {
      const { location } = await new Browser(platform.origin).go(authorizeUrl(confidential, changes))
      const { status } = await exchange(platform, location?.searchParams.get('code') ?? '')
      assert.equal(status, 200)
    }

    test('a confidential client gets a code, and tokens that belong to the user', async () => {
      const visit = await browser.go(authorizeUrl(confidential, openid))
      assert.equal(visit.status, 302)
      assert.equal(visit.headers.get('content-type'), 'text/html; charset=utf-8')
      assert.equal(visit.headers.get('x-frame-options'), 'SAMEORIGIN')
      assert.deepEqual(visit.hops, ['/users/sign_in', '/oauth/authorize', '/-/iam/consent', '/oauth/authorize'])
      const { location } = visit
      assert.match(
        location?.href ?? '',
        /^https:\/\/client\.example\.test\/callback\?code=gliamac-[\w-]{43}&state=st-123$/,
      )
      const tokens = await exchange(platform, location?.searchParams.get('code') ?? '')
      assert.equal(tokens.status, 200)
      assert.match(String(tokens.json['access_token']), /^gliamat-[\w-]{43}$/)
      assert.match(String(tokens.json['refresh_token']), /^gliamrt-[\w-]{43}$/)
      const userinfo = await fetch(`${platform.origin}/oauth/userinfo`, {
        headers: { authorization: `Bearer ${tokens.json['access_token']}` },
      })
      const claims = (await userinfo.json()) as Record<string, unknown>
      assert.equal(claims['sub'], '1')
      assert.equal(claims['email'], 'alice@example.test')
      const refreshed = await postForm(platform, '/oauth/token', {
        grant_type: 'refresh_token',
        refresh_token: String(tokens.json['refresh_token']),
        client_id: confidential.client_id,
        client_secret: SECRET,
      })
      assert.equal(refreshed.status, 200)
      assert.notEqual(refreshed.json['refresh_token'], tokens.json['refresh_token'])
    })

    test('a public client gets a code with PKCE, which is useless without the verifier', async () => {
      const verifier = 'v'.repeat(64)
      const code_challenge = createHash('sha256').update(verifier).digest('base64url')
      const redirect_uri = 'http://127.0.0.1:4242/callback'
      const visit = await browser.go(
        authorizeUrl(publicClient, { redirect_uri, code_challenge, code_challenge_method: 'S256' }),
      )
      const form = {
        grant_type: 'authorization_code',
        code: visit.location?.searchParams.get('code') ?? '',
        client_id: publicClient.client_id,
        redirect_uri,
      }
      const stolen = await postForm(platform, '/oauth/token', { ...form, code_verifier: 'w'.repeat(64) })
      assert.equal(stolen.json['error'], 'invalid_grant')
      const tokens = await postForm(platform, '/oauth/token', { ...form, code_verifier: verifier })
      assert.equal(tokens.status, 200)
    })

    test('a refusal is sent to the client as Doorkeeper sends it', async () => {
      platform.behaviour.consent = 'reject'
      const visit = await browser.go(authorizeUrl(confidential, { response_mode: 'fragment' }))
      assert.equal(visit.status, 302)
      assert.equal(
        visit.location?.href,
        'https://client.example.test/callback?error=access_denied&error_description=The+resource+owner+or+authorization+server+denied+the+request.&state=st-123',
      )
    })

    test('a refusal of an out-of-band client is JSON', async () => {
      platform.behaviour.consent = 'reject'
      const visit = await browser.go(authorizeUrl(native))
      assert.equal(visit.status, 400)
      assert.equal(JSON.parse(visit.body).error, 'access_denied')
    })

    test('an out-of-band client is sent to the page that displays the code, escaped', async () => {
      const visit = await browser.go(authorizeUrl(native))
      assert.equal(visit.location?.origin, platform.origin)
      assert.equal(visit.location?.pathname, '/oauth/authorize/native')
      const page = await browser.once(visit.location?.href ?? '')
      assert.equal(page.status, 200)
      assert.ok(page.body.includes(`<code id="authorization_code">${visit.location?.searchParams.get('code')}</code>`))
      const hostile = await browser.once('/oauth/authorize/native?code=%3Cscript%3Ealert(1)%3C/script%3E')
      assert.ok(!hostile.body.includes('<script>alert'))
    })

    test('no request is validated before the user is known', async () => {
      platform.behaviour.signIn = 'show'
      for (const url of [
        '/oauth/authorize',
        authorizeUrl(confidential, { client_id: 'nobody', redirect_uri: 'javascript:alert(1)' }),
        authorizeUrl(confidential, { scope: 'nonsense', prompt: 'none' }),
        '/oauth/authorize?client_id[]=x&state[a]=%00',
        '/oauth//authorize/?client_id=x',
      ]) {
        const visit = await browser.once(url)
        assert.equal(visit.status, 302, url)
        assert.match(visit.location?.href ?? '', /\/users\/sign_in\?login_challenge=[0-9a-f]{64}$/)
      }
    })

    test('an invalid request becomes an error page once the user is known, and is never sent to the client', async () => {
      const unknown = await browser.go(authorizeUrl(confidential, { client_id: 'nobody' }))
      assert.equal(unknown.status, 401)
      assert.match(unknown.headers.get('content-type') ?? '', /^text\/html/)
      const scope = await browser.go(authorizeUrl(confidential, { scope: 'nonsense' }))
      assert.equal(scope.status, 400)
      assert.equal(scope.location, undefined)
    })

    test('a trusted client and one with a matching token skip the consent page', async () => {
      assert.deepEqual((await browser.go(authorizeUrl(trusted))).hops, ['/users/sign_in', '/oauth/authorize'])
      await giveConsent()
      const again = await browser.go(authorizeUrl(confidential))
      assert.deepEqual(again.hops, ['/users/sign_in', '/oauth/authorize'])
      assert.ok(again.location?.searchParams.get('code'))
      const wider = await browser.go(authorizeUrl(confidential, { scope: 'api read_user' }))
      assert.ok(wider.hops.includes('/-/iam/consent'))
      platform.behaviour.user = bob
      assert.ok((await browser.go(authorizeUrl(confidential))).hops.includes('/-/iam/consent'))
    })

    test('POST with the parameters in its body starts a request like GET', async () => {
      const [, body = ''] = authorizeUrl(confidential).split('?')
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const visit = await browser.go('/oauth/authorize', { method: 'POST', body, headers })
      assert.ok(visit.location?.searchParams.get('code'))
    })

    test('DELETE, also by _method, and other methods are not found', async () => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const real = await browser.once(authorizeUrl(confidential), { method: 'DELETE' })
      const byField = await browser.once('/oauth/authorize', { method: 'POST', body: '_method=delete', headers })
      const put = await browser.once('/oauth/authorize', { method: 'PUT' })
      assert.deepEqual([real.status, byField.status, put.status], [404, 404, 404])
    })

    test('HEAD starts a request like GET', async () => {
      const visit = await browser.once(authorizeUrl(confidential), { method: 'HEAD' })
      assert.equal(visit.status, 302)
      assert.equal(visit.body, '')
    })

    describe('with an OpenID Connect prompt', () => {
      const errorOf = (location: URL | undefined) => location?.searchParams.get('error')

      test('none answers login_required when no user is signed in, without showing a page', async () => {
        platform.behaviour.user = undefined
        const visit = await browser.go(authorizeUrl(confidential, { ...openid, prompt: 'none' }))
        assert.equal(errorOf(visit.location), 'login_required')
        assert.equal(visit.location?.searchParams.get('state'), 'st-123')
        assert.equal(visit.headers.get('cache-control'), 'no-store')
        assert.match(visit.headers.get('www-authenticate') ?? '', /error="login_required"/)
      })

      test('none answers consent_required without consent, and a code with it', async () => {
        const before = await browser.go(authorizeUrl(confidential, { ...openid, prompt: 'none' }))
        assert.equal(errorOf(before.location), 'consent_required')
        await giveConsent(openid)
        const then = await browser.go(authorizeUrl(confidential, { ...openid, prompt: 'none' }))
        assert.ok(then.location?.searchParams.get('code'))
      })

      test('none without openid is ignored', async () => {
        platform.behaviour.user = undefined
        const visit = await browser.go(authorizeUrl(confidential, { prompt: 'none' }))
        assert.equal(visit.body, 'sign in')
      })

      test('none with an invalid request shows the sign-in page', async () => {
        platform.behaviour.user = undefined
        const redirect_uri = 'https://evil.example.test/'
        const visit = await browser.go(authorizeUrl(confidential, { ...openid, prompt: 'none', redirect_uri }))
        assert.equal(visit.body, 'sign in')
      })

      test('none with max_age answers login_required when the sign-in is too old', async () => {
        await giveConsent(openid)
        const visit = await browser.go(authorizeUrl(confidential, { ...openid, prompt: 'none', max_age: '60' }))
        assert.equal(errorOf(visit.location), 'login_required')
      })

      test('none combined with another value, and an unknown value, are invalid', async () => {
        for (const prompt of ['none login', 'bogus']) {
          const visit = await browser.go(authorizeUrl(confidential, { ...openid, prompt }))
          assert.equal(errorOf(visit.location), 'invalid_request', prompt)
        }
      })

      test('login requires a new sign-in, once, and continues after it', async () => {
        const visit = await browser.go(authorizeUrl(confidential, { ...openid, prompt: 'login' }))
        assert.equal(visit.hops.filter((hop) => hop === '/users/sign_in').length, 2)
        assert.ok(visit.location?.searchParams.get('code'))
        assert.ok((platform.behaviour.user?.auth_time ?? 0) > alice.auth_time)
      })

      test('login does not require another sign-in when the user has signed in for this request', async () => {
        const challenge = await startSignIn(browser, authorizeUrl(confidential, { ...openid, prompt: 'login' }))
        const fresh = { ...alice, auth_time: Math.ceil(Date.now() / 1_000) + 1 }
        const visit = await browser.go(await acceptLogin(challenge, fresh))
        assert.ok(!visit.hops.includes('/users/sign_in'))
      })

      test('login with consent requires both', async () => {
        await giveConsent(openid)
        const visit = await browser.go(authorizeUrl(confidential, { ...openid, prompt: 'login consent' }))
        assert.equal(visit.hops.filter((hop) => hop === '/users/sign_in').length, 2)
        assert.ok(visit.hops.includes('/-/iam/consent'))
        assert.ok(visit.location?.searchParams.get('code'))
      })

      test('consent requires consent despite earlier consent, even for a trusted client', async () => {
        await giveConsent(openid)
        const visit = await browser.go(authorizeUrl(confidential, { ...openid, prompt: 'consent' }))
        assert.ok(visit.hops.includes('/-/iam/consent'))
        const visitTrusted = await browser.go(authorizeUrl(trusted, { ...openid, prompt: 'consent' }))
        assert.ok(visitTrusted.hops.includes('/-/iam/consent'))
      })

      test('select_account and an exceeded max_age require sign-in again', async () => {
        for (const changes of [{ prompt: 'select_account' }, { max_age: '60' }]) {
          platform.behaviour.user = alice
          const visit = await browser.go(authorizeUrl(confidential, { ...openid, ...changes }))
          assert.equal(visit.hops.filter((hop) => hop === '/users/sign_in').length, 2, JSON.stringify(changes))
          assert.ok(visit.location?.searchParams.get('code'))
        }
      })

      test('an old sign-in is not accepted as a new one', async () => {
        const first = await browser.once(authorizeUrl(confidential, { ...openid, prompt: 'login' }))
        const second = await browser.once(await acceptLogin(challengeOf(first.location)))
        const path = `${INTERNAL_PATHS.loginAccept}?challenge=${challengeOf(second.location)}`
        const answer = await platform.internal('PUT', path, alice)
        assert.equal(answer.status, 400)
        assert.match(answer.text, /auth_time/)
      })
    })

    describe('when a user cancels at sign-in', () => {
      test('the client receives access_denied', async () => {
        platform.behaviour.signIn = 'cancel'
        const visit = await browser.go(authorizeUrl(confidential))
        assert.equal(visit.location?.searchParams.get('error'), 'access_denied')
        assert.equal(visit.location?.host, 'client.example.test')
      })

      test('the redirect never goes to an address that is not the client’s', async () => {
        platform.behaviour.signIn = 'cancel'
        const visit = await browser.go(authorizeUrl(confidential, { redirect_uri: 'https://evil.example.test/' }))
        assert.equal(visit.location, undefined)
        assert.equal(visit.status, 400)
      })
    })

    describe('the browser', () => {
      test('may run two flows at once, and each completes', async () => {
        const one = await startSignIn(browser, authorizeUrl(confidential, { state: 'one' }))
        const two = await startSignIn(browser, authorizeUrl(trusted, { state: 'two' }))
        const second = await browser.go(await acceptLogin(two))
        const first = await browser.go(await acceptLogin(one))
        assert.equal(first.location?.searchParams.get('state'), 'one')
        assert.equal(second.location?.searchParams.get('state'), 'two')
        assert.ok(first.location?.searchParams.get('code') && second.location?.searchParams.get('code'))
        assert.equal(browser.cookies.size, 1, 'one cookie serves both')
      })

      test('holds one HttpOnly, Lax cookie of the service, however many flows it starts', async () => {
        for (let tab = 0; tab < 30; tab++) {
          const { headers } = await browser.once(authorizeUrl(confidential))
          const [cookie = ''] = headers.getSetCookie()
          assert.match(cookie, /^_iam_flow_[0-9a-f]{16}=[\w.-]+; Path=\/; Max-Age=86400; HttpOnly; SameSite=Lax$/)
        }
        assert.equal(browser.cookies.size, 1)
      })

      test('of another user cannot take over a login', async () => {
        const redirectTo = await acceptLogin(await startSignIn(browser))
        for (const other of [new Browser(platform.origin), await startedBrowser()]) {
          const visit = await other.once(redirectTo)
          assert.equal(visit.status, 400)
          assert.equal(visit.location, undefined)
          assert.ok(!visit.body.includes('example.test') && !visit.body.includes(confidential.client_id))
        }
        assert.equal((await browser.once(redirectTo)).status, 302, 'its own browser still can')
      })

      test('of a victim who follows a link to an attacker’s challenge is not signed in for the attacker', async () => {
        const attackers = await startSignIn(browser)
        const victim = await startedBrowser()
        const visit = await victim.go(`/users/sign_in?login_challenge=${attackers}`)
        assert.equal(visit.status, 400)
        assert.equal(visit.location, undefined)
      })

      test('of a victim cannot be made to consent for an attacker', async () => {
        const attackers = await startConsent(browser)
        const victim = await startedBrowser()
        const visit = await victim.go(`/-/iam/consent?consent_challenge=${attackers}`)
        assert.equal(visit.status, 400)
        assert.equal(visit.location, undefined)
      })

      const startedBrowser = async () => {
        const other = new Browser(platform.origin)
        await startSignIn(other)
        return other
      }
    })

    describe('a verifier', () => {
      test('that is forged, of another kind or malformed leads to an error page without details', async () => {
        await startSignIn(browser)
        const now = Date.now() / 1_000
        const genuine = new URL(await acceptLogin(await startSignIn(browser))).searchParams.get('login_verifier') ?? ''
        const [nonce = '', expiry = '', signature = ''] = genuine.split('.')
        const forged = [
          issueVerifier('login', Buffer.alloc(32, 9), now + 60),
          issueVerifier('login', VERIFIER_KEY, now + 60),
          `${nonce}.${(now + 9_999).toString(36)}.${signature}`,
          `${nonce}.${expiry}.${'A'.repeat(43)}`,
          'x',
          'a'.repeat(10_000),
        ]
        for (const verifier of forged) {
          const visit = await browser.once(`/oauth/authorize?login_verifier=${encodeURIComponent(verifier)}`)
          assert.equal(visit.status, 400, verifier.slice(0, 40))
          assert.ok(!visit.body.includes('example.test'))
        }
        const wrongKind = await browser.once(`/oauth/authorize?consent_verifier=${genuine}`)
        assert.equal(wrongKind.status, 400)
      })

      test('that arrives too late starts the same request again', async () => {
        const redirectTo = await acceptLogin(await startSignIn(browser))
        await fetch(`${platform.origin}/__lab/advance?seconds=200`, { method: 'POST' })
        const late = await browser.once(redirectTo)
        assert.equal(late.location?.pathname, '/users/sign_in')
        const visit = await browser.go(late.location?.href ?? '')
        assert.equal(visit.location?.searchParams.get('state'), 'st-123')
        assert.ok(visit.location?.searchParams.get('code'))
      })

      test('comes with the client and nothing else of the request, and other parameters next to it are ignored', async () => {
        const redirectTo = await acceptLogin(await startSignIn(browser))
        assert.deepEqual([...new URL(redirectTo).searchParams.keys()], ['login_verifier', 'client_id'])
        const visit = await browser.go(`${redirectTo}&redirect_uri=https://evil.example.test/&state=evil`)
        assert.equal(visit.location?.host, 'client.example.test')
        assert.equal(visit.location?.searchParams.get('state'), 'st-123')
      })
    })

    describe('consent', () => {
      test('accepted 64 times concurrently is one answer with one verifier', async () => {
        const challenge = await startConsent(browser)
        const answers = await Promise.all(Array.from({ length: 64 }, () => acceptConsent(challenge)))
        assert.ok(answers.every(({ status }) => status === 200))
        const nonces = answers.map(({ json }) => {
          const { searchParams } = new URL((json as { redirect_to: string }).redirect_to)
          return searchParams.get('consent_verifier')?.split('.')[0]
        })
        assert.equal(new Set(nonces).size, 1)
      })

      test('covers the user who signed in and every requested scope, and nothing else', async () => {
        const challenge = await startConsent(browser, authorizeUrl(confidential, { scope: 'api read_user' }))
        const wrong = [
          { grant_scope: ['api', 'read_user'], subject: '2' },
          { grant_scope: ['api'], subject: '1' },
          { grant_scope: [], subject: '1' },
          { grant_scope: ['api', 'read_user', 'openid'], subject: '1' },
          { grant_scope: ['api', 'api'], subject: '1' },
          { grant_scope: 'api read_user', subject: '1' },
          { grant_scope: ['api', 'read_user'], subject: '1', remember: true },
        ]
        for (const body of wrong) assert.equal((await acceptConsent(challenge, body)).status, 400, JSON.stringify(body))
        const right = await acceptConsent(challenge, { grant_scope: ['read_user', 'api'], subject: '1' })
        assert.equal(right.status, 200)
      })

      test('ends when the application’s addresses change', async () => {
        const challenge = await startConsent(browser)
        const changed = { ...confidential, redirect_uris: ['https://new.example.test/'], version: 2 }
        await platform.internal('PUT', INTERNAL_PATHS.clients, changed)
        const { json } = await acceptConsent(challenge)
        const visit = await browser.once((json as { redirect_to: string }).redirect_to)
        await platform.internal('PUT', INTERNAL_PATHS.clients, { ...confidential, version: 3 })
        assert.equal(visit.location, undefined)
        assert.equal(visit.status, 400)
      })
    })

    test('the log and, in clear, the store contain no code, verifier, challenge, cookie or secret', async () => {
      const challenge = await startSignIn(browser)
      const cookies = [...browser.cookies.values()]
      const redirectTo = await acceptLogin(challenge)
      const visit = await browser.go(redirectTo)
      const code = visit.location?.searchParams.get('code') ?? ''
      const { json } = await exchange(platform, code)
      const verifier = new URL(redirectTo).searchParams.get('login_verifier') ?? ''
      const planted = [challenge, verifier, code, json['access_token'], json['refresh_token'], SECRET, ...cookies].map(
        String,
      )
      const rows = await database.query<{ text: string }>(`
      select to_jsonb(c)::text as text from iam_authorize_handoff.challenges c union all
      select to_jsonb(t)::text from iam_authorize.tokens t union all select to_jsonb(g)::text from iam_authorize.grants g`)
      assert.ok(rows.length >= 4)
      const seen = platform.logLines.join('\n') + rows.map((row) => row.text).join('\n')
      for (const secret of planted) assert.ok(secret.length > 8 && !seen.includes(secret))
    })
  })
