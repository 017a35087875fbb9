import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Application } from '../../applications/index.ts'
import { INTERNAL_PATHS } from '../../handoff/index.ts'
import { silentLog } from '../../observability/index.ts'
import type { Database } from '../../storage/index.ts'
import { ChallengeStore } from '../challenges/challenge-store.ts'
import { purgeChallenges } from '../challenges/clean-up.ts'
import { startIam } from '../index.ts'
import { Browser, type Visit } from '../testing/browser.ts'
import { authorizeUrl, confidential, exchange, replicateAll, trusted } from '../testing/clients.ts'
import { handOffSteps } from '../testing/hand-off.ts'
import { alice, bob, type Platform, startPlatform, testDatabases, VERIFIER_KEY } from '../testing/platform.ts'

const openid = { scope: 'openid email' }

for (const { name, open } of testDatabases(process.env['HANDOVER_TEST_DATABASE_URL']))
  describe(`an interrupted authorization flow, on ${name}`, () => {
    let database: Database
    let platform: Platform
    let browser: Browser

    before(async () => {
      database = await open()
      platform = await startPlatform(database, 'iam_repeats')
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

    const steps = handOffSteps(() => platform)
    const { challengeOf, startSignIn, acceptLogin, rejectLogin, startConsent, agree, rejectConsent, advance } = steps
    const purge = (mostOpen?: number) => {
      const schema = 'iam_repeats_handoff'
      const challenges = new ChallengeStore(database, schema, VERIFIER_KEY, 86_400)
      return purgeChallenges({ database, schema, challenges, mostOpen })
    }
    /** The subject of the tokens issued for the code in this answer. */
    const subjectOf = async ({ location }: Visit, { client_id }: Application) => {
      const { json } = await exchange(platform, location?.searchParams.get('code') ?? '', { client_id })
      const { json: known } = await platform.internal('POST', INTERNAL_PATHS.introspect, {
        token: json['access_token'],
      })
      return (known as { subject?: string }).subject
    }

    describe('a verifier', () => {
      test('of a login takes its own browser on each time, and another browser nowhere', async () => {
        const redirectTo = await acceptLogin(await startSignIn(browser))
        for (let time = 0; time < 3; time++) {
          const { location } = await browser.once(redirectTo)
          assert.equal(location?.pathname, '/-/iam/consent')
        }
        const other = await new Browser(platform.origin).once(redirectTo)
        assert.equal(other.location?.href, `${platform.origin}/users/sign_in`)
        assert.ok(!other.body.includes('example.test'))
      })

      test('that was prefetched without cookies still works', async () => {
        const redirectTo = await acceptLogin(await startSignIn(browser, authorizeUrl(trusted)))
        for (const method of ['HEAD', 'GET']) {
          assert.equal((await new Browser(platform.origin).once(redirectTo, { method })).status, 400)
        }
        assert.equal((await browser.once(redirectTo, { method: 'HEAD' })).status, 302)
        assert.ok((await browser.once(redirectTo)).location?.searchParams.get('code'))
      })

      test('of a consent gives its browser a new single-use code each time', async () => {
        const redirectTo = await agree(await startConsent(browser))
        const visits = await Promise.all(Array.from({ length: 4 }, () => browser.once(redirectTo)))
        const codes = visits.map((visit) => visit.location?.searchParams.get('code') ?? '')
        assert.equal(new Set(codes).size, 4)
        for (const code of codes) assert.equal((await exchange(platform, code)).status, 200)
        for (const code of codes) assert.equal((await exchange(platform, code)).json['error'], 'invalid_grant')
      })

      test('that is used again long after starts the same request again, for the user who is signed in by then', async () => {
        const redirectTo = await acceptLogin(await startSignIn(browser, authorizeUrl(trusted)))
        assert.ok((await browser.go(redirectTo)).location?.searchParams.get('code'))
        await advance(3_600)
        platform.behaviour.user = bob
        const visit = await browser.go(redirectTo)
        assert.deepEqual(visit.hops, ['/users/sign_in', '/oauth/authorize'])
        assert.equal(visit.location?.searchParams.get('state'), 'st-123')
        assert.equal(await subjectOf(visit, trusted), '2')
      })

      test('is unknown after the challenge has expired, and reveals nothing', async () => {
        const redirectTo = await acceptLogin(await startSignIn(browser))
        await advance(200_000)
        await purge()
        const visit = await browser.once(redirectTo)
        assert.equal(visit.status, 400)
        assert.equal(visit.location, undefined)
      })
    })

    describe('a browser', () => {
      test('may restore fifty tabs at once, and loses only the oldest', async () => {
        const urls = Array.from({ length: 50 }, (_, tab) => authorizeUrl(trusted, { state: `tab-${tab}` }))
        // Restored tabs send their requests before any has its answer, so each gets a mark; here the requests go out in
        // order.
        const challenges: string[] = []
        for (const url of urls) {
          const tab = new Browser(platform.origin)
          challenges.push(await startSignIn(tab, url))
          for (const [cookie, value] of tab.cookies) browser.cookies.set(cookie, value)
        }
        await startSignIn(browser)
        assert.equal(browser.cookies.size, 40)
        const header = [...browser.cookies].map((pair) => pair.join('=')).join('; ')
        assert.ok(header.length < 4_000, `${header.length} bytes`)
        const ends = []
        for (const challenge of challenges) {
          const { location } = await browser.go(await acceptLogin(challenge))
          ends.push(location?.searchParams.has('code') ? 'code' : 'lost')
        }
        assert.deepEqual(ends, [...Array(10).fill('lost'), ...Array(40).fill('code')])
      })

      test('that withholds its cookies gets login_required at the client, in a hidden frame', async () => {
        platform.behaviour.user = undefined
        const none = { ...openid, prompt: 'none' }
        const frames: ReadonlyArray<readonly [Record<string, string>, (answer: Visit) => string | undefined]> = [
          [{}, ({ location }) => location?.search],
          [{ max_age: '60' }, ({ location }) => location?.search],
          [{ id_token_hint: 'x.y.z' }, ({ location }) => location?.search],
          [{ response_mode: 'fragment' }, ({ location }) => location?.hash],
          [{ response_mode: 'form_post' }, ({ body }) => body],
        ]
        for (const [changes, answerOf] of frames) {
          const answer = await withoutCookies(authorizeUrl(confidential, { ...none, ...changes }))
          const told = answerOf(answer) ?? ''
          assert.match(told, /login_required/, JSON.stringify(changes))
          assert.match(told, /st-123/, JSON.stringify(changes))
        }
        const elsewhere = { redirect_uri: 'https://evil.example.test/' }
        const unusable = await withoutCookies(authorizeUrl(confidential, { ...none, ...elsewhere }))
        assert.equal(unusable.body, 'sign in')
      })

      test('with a signed-in user that withholds its mark gets the same, and no code', async () => {
        const first = await browser.go(authorizeUrl(confidential, openid))
        await exchange(platform, first.location?.searchParams.get('code') ?? '')
        const answer = await withoutCookies(authorizeUrl(confidential, { ...openid, prompt: 'none' }))
        assert.equal(answer.location?.searchParams.get('error'), 'login_required')
        assert.equal(answer.location?.searchParams.get('code'), null)
      })

      const withoutCookies = async (url: string) => {
        let answer = await new Browser(platform.origin).once(url)
        while (answer.location?.origin === platform.origin) {
          answer = await new Browser(platform.origin).once(answer.location.href)
        }
        return answer
      }
    })

    describe('a page that stays open', () => {
      test('can be answered hours later: sign-in, consent and refusal', async () => {
        for (const minutes of [11, 180, 1_400]) {
          const challenge = await startSignIn(browser)
          await advance(minutes * 60)
          const { location } = await browser.once(await acceptLogin(challenge))
          const consent = location?.searchParams.get('consent_challenge') ?? ''
          await advance(minutes * 60)
          const agreed = await browser.once(await agree(consent))
          assert.ok(agreed.location?.searchParams.get('code'), `${minutes} minutes`)
        }
        const consent = await startConsent(browser)
        await advance(180 * 60)
        const refused = await browser.once(await rejectConsent(consent, 'access_denied'))
        assert.equal(refused.location?.searchParams.get('error'), 'access_denied')
        assert.equal(refused.location?.searchParams.get('state'), 'st-123')
      })

      test('can be answered again after the client failed: with another code, or with a refusal', async () => {
        const consent = await startConsent(browser)
        const codes = []
        for (const seconds of [0, 30, 3_600]) {
          await advance(seconds + 1)
          const visit = await browser.once(await agree(consent))
          codes.push(visit.location?.searchParams.get('code') ?? '')
        }
        assert.equal(new Set(codes).size, 3)
        assert.equal((await exchange(platform, codes[2] ?? '')).status, 200)
        const refused = await browser.once(await rejectConsent(consent, 'access_denied'))
        assert.equal(refused.location?.searchParams.get('error'), 'access_denied')
        const agreed = await browser.once(await agree(consent))
        assert.ok(agreed.location?.searchParams.get('code'))
      })

      test('continues for another user who has signed in since', async () => {
        const consent = await startConsent(browser, authorizeUrl(confidential, openid))
        platform.behaviour.user = bob
        const visit = await browser.go(await rejectConsent(consent, 'login_required'))
        assert.deepEqual(visit.hops, ['/users/sign_in', '/oauth/authorize', '/-/iam/consent', '/oauth/authorize'])
        assert.equal(await subjectOf(visit, confidential), '2')
      })

      test('requires a new sign-in again, where the request requires one and the last was long ago', async () => {
        const login = { ...openid, prompt: 'login' }
        const fresh = () => ({ ...alice, auth_time: Math.floor(Date.now() / 1_000) + 1 })
        const first = await browser.once(await acceptLogin(await startSignIn(browser, authorizeUrl(trusted, login))))
        const challenge = challengeOf(first.location)
        const redirectTo = await acceptLogin(challenge, fresh())
        for (let time = 0; time < 2; time++) {
          assert.ok((await browser.once(redirectTo)).location?.searchParams.get('code'))
        }
        const old = { ...alice, auth_time: Math.floor(Date.now() / 1_000) - 700 }
        const path = `${INTERNAL_PATHS.loginAccept}?challenge=${challenge}`
        const refused = await platform.internal('PUT', path, old)
        assert.equal((refused.json as { reason?: string }).reason, 'sign_in_too_old')
        await advance(3_600)
        const again = await browser.once(redirectTo)
        const asked = await platform.internal('GET', INTERNAL_PATHS.login + (again.location?.search ?? ''))
        assert.equal((asked.json as { reauthenticate: boolean }).reauthenticate, true)
      })

      test('is known to every replica, including one that starts later', async () => {
        const challenge = await startSignIn(browser, authorizeUrl(trusted))
        const local = { host: '127.0.0.1', port: 0 }
        const replica = await startIam(
          {
            ...{ listen: local, internalListen: local, issuer: platform.origin, database, schema: 'iam_repeats' },
            ...{ internalToken: 'another', verifierKey: VERIFIER_KEY },
          },
          silentLog,
        )
        const { search } = new URL(await acceptLogin(challenge))
        const visit = await browser.once(`${replica.url}/oauth/authorize${search}`)
        await replica.close()
        assert.ok(visit.location?.searchParams.get('code'))
      })

      test('explains to the user that its application is gone, and never redirects to an address the client has dropped', async () => {
        const doomed = { ...confidential, id: 90, client_id: 'e'.repeat(64), name: 'Doomed' }
        const replicate = (version: number, redirect_uris: string[]) =>
          platform.internal('PUT', INTERNAL_PATHS.clients, { ...doomed, version, redirect_uris })
        await replicate(1, [...doomed.redirect_uris])
        const [one, two] = [
          await startSignIn(browser, authorizeUrl(doomed)),
          await startSignIn(browser, authorizeUrl(doomed)),
        ]
        await replicate(2, ['https://moved.example.test/callback'])
        const changed = await browser.once(await acceptLogin(one))
        assert.deepEqual([changed.status, changed.location], [400, undefined])
        await platform.internal('DELETE', `${INTERNAL_PATHS.clients}/${doomed.client_id}?version=3`)
        const removed = await browser.once(await acceptLogin(two))
        assert.deepEqual([removed.status, removed.location], [401, undefined])
      })
    })

    describe('an answer by one user', () => {
      test('is never taken over by another browser that answered before or answers later', async () => {
        const attacker = browser
        const victim = new Browser(platform.origin)
        await startSignIn(victim)
        const challenge = await startSignIn(attacker, authorizeUrl(trusted))
        // The attacker learns this verifier before the victim is lured to the challenge.
        const known = await acceptLogin(challenge, bob)
        const victims = await acceptLogin(challenge, alice)
        assert.notEqual(victims, known)
        assert.equal((await victim.once(victims)).status, 400)
        assert.equal(await subjectOf(await attacker.once(known), trusted), '2')
        // And in the other direction: the verifier of the victim's answer is given to no one else.
        const second = await startSignIn(attacker, authorizeUrl(trusted))
        await acceptLogin(second, alice)
        const attackers = await acceptLogin(second, bob)
        assert.equal(await subjectOf(await attacker.once(attackers), trusted), '2')
      })

      test('coexists with a refusal of the same challenge, each under its own verifier', async () => {
        const challenge = await startSignIn(browser, authorizeUrl(trusted))
        const refusal = await rejectLogin(challenge, 'access_denied')
        const accepted = await acceptLogin(challenge)
        assert.notEqual(refusal, accepted)
        assert.equal((await browser.once(refusal)).location?.searchParams.get('error'), 'access_denied')
        assert.ok((await browser.once(accepted)).location?.searchParams.get('code'))
      })
    })

    describe('unanswered challenges', () => {
      const waiting = async () => {
        const [row] = await database.query<{ count: number }>('select count(*) from iam_repeats_handoff.challenges')
        return row?.count
      }

      test('are kept up to a maximum; the oldest are deleted first, and none that a user may be working on', async () => {
        const challenges: string[] = []
        for (let hour = 0; hour < 4; hour++) {
          challenges.push(await startSignIn(browser))
          await advance(3_600)
        }
        for (let tab = 0; tab < 3; tab++) challenges.push(await startSignIn(browser))
        assert.equal(await purge(5), 2)
        assert.equal(await purge(1), 2)
        assert.equal(await waiting(), 3)
        const statuses = []
        for (const challenge of challenges) {
          const path = `${INTERNAL_PATHS.loginAccept}?challenge=${challenge}`
          statuses.push((await platform.internal('PUT', path, alice)).status)
        }
        assert.deepEqual(statuses, [404, 404, 404, 404, 200, 200, 200])
      })

      test('of prompt=none, which anyone can have answered, are deleted with their answers within the hour', async () => {
        platform.behaviour.user = undefined
        await browser.go(authorizeUrl(confidential, { ...openid, prompt: 'none' }))
        assert.equal(await waiting(), 1)
        await advance(3_601)
        await purge()
        assert.equal(await waiting(), 0)
      })
    })
  })
