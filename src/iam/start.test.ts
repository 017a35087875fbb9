import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { INTERNAL_PATHS } from '../handoff/index.ts'
import { ListenError, parseListenAddress } from '../http/index.ts'
import { silentLog } from '../observability/index.ts'
import type { Database } from '../storage/index.ts'
import { ChallengeStore } from './challenges/challenge-store.ts'
import { purgeChallenges } from './challenges/clean-up.ts'
import { startIam } from './index.ts'
import { Browser } from './testing/browser.ts'
import { authorizeUrl, confidential, exchange, postForm, replicateAll, SECRET } from './testing/clients.ts'
import { type Platform, startPlatform, testDatabases, VERIFIER_KEY } from './testing/platform.ts'

for (const { name, open } of testDatabases(process.env['HANDOVER_TEST_DATABASE_URL']))
  describe(`the service as a whole, on ${name}`, () => {
    let database: Database
    before(async () => {
      database = await open()
    })
    after(() => database.close())

    const form = { client_id: confidential.client_id, client_secret: SECRET }
    const running = async (work: (platform: Platform) => Promise<void>, options = {}) => {
      const platform = await startPlatform(database, 'iam_whole', options)
      try {
        await work(platform)
      } finally {
        await platform.close()
      }
    }

    test('keeps keys, applications and tokens across a restart', async () => {
      await running(async (platform) => {
        await replicateAll(platform)
        const visit = await new Browser(platform.origin).go(authorizeUrl(confidential, { scope: 'openid' }))
        const { json } = await exchange(platform, visit.location?.searchParams.get('code') ?? '')
        const keys = await (await fetch(`${platform.iam.url}/oauth/discovery/keys`)).text()
        await platform.iam.close()
        const local = { host: '127.0.0.1', port: 0 }
        const again = await startIam(
          {
            listen: local,
            internalListen: local,
            issuer: platform.origin,
            database,
            schema: 'iam_whole',
            internalToken: 'another',
            verifierKey: VERIFIER_KEY,
          },
          silentLog,
        )
        const authorization = `Bearer ${json['access_token']}`
        const userinfo = await fetch(`${again.url}/oauth/userinfo`, { headers: { authorization } })
        const keysAfter = await (await fetch(`${again.url}/oauth/discovery/keys`)).text()
        await again.close()
        assert.equal(userinfo.status, 200)
        assert.equal(keysAfter, keys)
      })
    })

    test('supports neither the password grant without a place to check passwords, nor test controls unless enabled', async () => {
      await running(
        async (platform) => {
          await replicateAll(platform)
          const password = { ...form, grant_type: 'password', username: 'alice', password: 'x' }
          assert.equal((await postForm(platform, '/oauth/token', password)).json['error'], 'unsupported_grant_type')
          const reset = await fetch(`${platform.origin}/__lab/reset`, { method: 'POST' })
          assert.equal(reset.status, 404)
        },
        { testControls: false },
      )
    })

    test('releases the first port when the second is unavailable', async () => {
      await running(async (platform) => {
        const started = startIam(
          {
            listen: { host: '127.0.0.1', port: 0 },
            internalListen: platform.iam.internalAddress,
            issuer: 'https://example.test',
            database,
            schema: 'iam_whole',
            internalToken: 'x',
            verifierKey: VERIFIER_KEY,
          },
          silentLog,
        )
        await assert.rejects(started, ListenError)
      })
    })

    test('sets Secure cookies and keeps to its addresses below a path of an https origin', async () => {
      const issuer = 'https://example.test/gitlab'
      const options = {
        listen: parseListenAddress('127.0.0.1:0'),
        issuer,
        loginUrl: 'https://login.example.test/in?x=1',
      }
      await running(async (platform) => {
        const answer = await fetch(`${platform.iam.url}/gitlab/oauth/authorize?client_id=x`, { redirect: 'manual' })
        assert.match(
          answer.headers.get('location') ?? '',
          /^https:\/\/login\.example\.test\/in\?x=1&login_challenge=\w{64}$/,
        )
        assert.match(answer.headers.get('set-cookie') ?? '', /; Secure$/)
        const challenge = new URL(answer.headers.get('location') ?? '').searchParams.get('login_challenge')
        const path = `${INTERNAL_PATHS.loginReject}?challenge=${challenge}`
        const { json } = await platform.internal('PUT', path, { error: 'access_denied' })
        const { redirect_to } = json as { redirect_to: string }
        assert.ok(redirect_to.startsWith('https://example.test/gitlab/oauth/authorize?login_verifier='))
      }, options)
    })

    test('deletes expired challenges and no others', async () => {
      await running(
        async (platform) => {
          for (let old = 0; old < 3; old++) await new Browser(platform.origin).once('/oauth/authorize')
          await fetch(`${platform.origin}/__lab/advance?seconds=3601`, { method: 'POST' })
          await new Browser(platform.origin).once('/oauth/authorize')
          const schema = 'iam_whole_handoff'
          const challenges = new ChallengeStore(database, schema, VERIFIER_KEY, 3_600)
          assert.equal(await purgeChallenges({ database, schema, challenges }), 3)
          assert.deepEqual(await challenges.countOpen(), { login: 1, consent: 0 })
        },
        { challengeHours: 1 },
      )
    })

    test('rejects a request that is too large to store', async () => {
      await running(async (platform) => {
        const body = new URLSearchParams({ client_id: 'x', state: 's'.repeat(70_000) })
        const answer = await fetch(`${platform.origin}/oauth/authorize`, { method: 'POST', body })
        assert.equal(answer.status, 400)
      })
    })

    test('survives unusual bytes wherever they are sent', async () => {
      await running(async (platform) => {
        for (const query of [
          'state=%zz',
          'state=%ff%fe',
          'client_id=%00',
          'a=1&a[]=2',
          'login_verifier[]=x',
          'prompt[]=none',
        ]) {
          const answer = await fetch(`${platform.origin}/oauth/authorize?${query}`, { redirect: 'manual' })
          assert.ok(answer.status === 302 || answer.status === 400, `${query}: ${answer.status}`)
        }
        for (const path of ['/%', '/oauth/%ff', '/oauth/authorize/x', '/OAuth/authorize', '/']) {
          assert.equal((await fetch(platform.iam.url + path)).status, 404, path)
        }
      })
    })
  })
