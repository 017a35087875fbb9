import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { Application } from '../../applications/index.ts'
import { AUTH_TOKEN_HEADER, capabilitiesSchema, INTERNAL_PATHS } from '../../handoff/index.ts'
import { call } from '../../http/index.ts'
import type { Database } from '../../storage/index.ts'
import { Browser } from '../testing/browser.ts'
import { authorizeUrl, confidential, exchange, postForm, replicateAll, SECRET } from '../testing/clients.ts'
import { alice, type Platform, startPlatform, testDatabases } from '../testing/platform.ts'

for (const { name, open } of testDatabases(process.env['HANDOVER_TEST_DATABASE_URL']))
  describe(`the internal port, on ${name}`, () => {
    let database: Database
    let platform: Platform

    before(async () => {
      database = await open()
      platform = await startPlatform(database, 'iam_internal', { withPasswords: true, accessTokenFormat: 'jwt' })
      await replicateAll(platform)
    })
    after(async () => {
      await platform.close()
      await database.close()
    })
    beforeEach(async () => {
      await fetch(`${platform.origin}/__lab/reset`, { method: 'POST' })
      platform.behaviour.passwords = 'answer'
    })

    const clientCredentials = {
      grant_type: 'client_credentials',
      client_id: confidential.client_id,
      client_secret: SECRET,
    }
    const password = { ...clientCredentials, grant_type: 'password', username: 'alice', password: 'alice-password-1' }
    const startLogin = async () => {
      const { location } = await new Browser(platform.origin).once(authorizeUrl(confidential))
      return location?.searchParams.get('login_challenge') ?? ''
    }
    const introspect = async (token: unknown) =>
      (await platform.internal('POST', INTERNAL_PATHS.introspect, { token })).json as Record<string, unknown>

    test('lists the grant types it can serve: the password grant needs the platform to check passwords', async () => {
      const grantsOf = async (of: Platform) => {
        const { status, json } = await of.internal('GET', INTERNAL_PATHS.capabilities)
        assert.equal(status, 200)
        return capabilitiesSchema.parse(json).grant_types
      }
      assert.ok((await grantsOf(platform)).includes('password'))
      const without = await startPlatform(database, 'iam_internal_without', {})
      try {
        const grants = await grantsOf(without)
        assert.deepEqual([grants.includes('password'), grants.includes('authorization_code')], [false, true])
      } finally {
        await without.close()
      }
    })

    test('rejects every path of the contract without its token', async () => {
      const paths = [...Object.values(INTERNAL_PATHS), `${INTERNAL_PATHS.clients}/x`, '/nothing']
      for (const path of paths) {
        for (const token of [undefined, '', 'wrong', `${'x'.repeat(5_000)}`]) {
          const headers = token === undefined ? {} : { [AUTH_TOKEN_HEADER]: token }
          const { status, text } = await call({
            method: 'PUT',
            url: platform.iam.internalUrl + path,
            headers,
            json: {},
          })
          assert.equal(status, 401, path)
          assert.equal(text, '{"error":"unauthorized"}')
        }
      }
    })

    test('is not served on the public port', async () => {
      for (const path of [INTERNAL_PATHS.clients, INTERNAL_PATHS.introspect, '/metrics']) {
        const { status } = await call({ method: 'GET', url: platform.iam.url + path })
        assert.equal(status, 404, path)
      }
    })

    test('health and readiness are served on the public port too', async () => {
      for (const path of ['/healthz', '/readyz']) {
        assert.equal((await call({ method: 'GET', url: platform.iam.url + path })).status, 200, path)
      }
    })

    test('serves health, readiness and metrics without a token, and without secrets', async () => {
      await postForm(platform, '/oauth/token', clientCredentials)
      await postForm(platform, '/oauth/token', { ...clientCredentials, client_secret: 'wrong-secret-value' })
      await startLogin()
      const get = (path: string) => call({ method: 'GET', url: platform.iam.internalUrl + path })
      assert.equal((await get('/healthz')).status, 200)
      assert.equal((await get('/readyz')).status, 200)
      const { text } = await get('/metrics')
      assert.match(text, /handover_iam_grants_total\{grant_type="client_credentials"\} \d/)
      assert.match(text, /handover_iam_oauth_errors_total\{endpoint="token",error="invalid_client"\} 1/)
      assert.match(text, /handover_iam_challenges_open\{kind="login"\} 1/)
      assert.ok(
        !text.includes(SECRET) && !text.includes('wrong-secret-value') && !text.includes(confidential.client_id),
      )
    })

    test('answers 404 for an unknown path and 405 for a method that a path does not support', async () => {
      assert.equal((await platform.internal('GET', '/oauth2/internal/nothing')).status, 404)
      assert.equal((await platform.internal('POST', INTERNAL_PATHS.loginAccept, alice)).status, 405)
      assert.equal((await platform.internal('PUT', '/healthz')).status, 405)
      assert.equal((await platform.internal('GET', `${INTERNAL_PATHS.clients}/x`)).status, 405)
    })

    test('lists the reuse of a refresh token since a given time, which is logged and counted too', async () => {
      const first = (await postForm(platform, '/oauth/token', password)).json
      const refresh_token = String(first['refresh_token'])
      const refresh = { ...clientCredentials, grant_type: 'refresh_token', refresh_token }
      await postForm(platform, '/oauth/token', refresh)
      await fetch(`${platform.origin}/__lab/advance?seconds=11`, { method: 'POST' })
      const { json } = await postForm(platform, '/oauth/token', refresh)
      assert.equal(json['error'], 'invalid_grant')
      const read = (query: string) => platform.internal('GET', `${INTERNAL_PATHS.securityEvents}${query}`)
      const { events } = (await read('')).json as { events: Array<Record<string, unknown>> }
      const { id, occurred_at, family_id, first_used_at, ...rest } = events[0] ?? {}
      const about = { client_id: confidential.client_id, application_id: 1, subject: '1', tokens_revoked: 1 }
      assert.deepEqual(rest, { kind: 'refresh_token_reuse', ...about })
      assert.equal(events.length, 1)
      assert.ok(Number(id) > 0 && Date.parse(String(first_used_at)) < Date.parse(String(occurred_at)))
      assert.deepEqual((await read(`?since=${occurred_at}`)).json, { events })
      assert.deepEqual((await read('?since=2999-01-01T00:00:00Z')).json, { events: [] })
      assert.equal((await read('?since=yesterday')).status, 400)
      const line = platform.logLines.find((text) => text.includes('oauth_application:security')) ?? ''
      assert.equal(JSON.parse(line).family_id, family_id)
      assert.ok(!line.includes(refresh_token))
      const { text } = await call({ method: 'GET', url: `${platform.iam.internalUrl}/metrics` })
      assert.match(text, /handover_iam_security_events_total\{kind="refresh_token_reuse"\} 1/)
    })

    describe('login', () => {
      const accept = (challenge: string, body: unknown) =>
        platform.internal('PUT', `${INTERNAL_PATHS.loginAccept}?challenge=${challenge}`, body)

      test('shows the data that the sign-in page needs', async () => {
        const challenge = await startLogin()
        const { status, json } = await platform.internal('GET', `${INTERNAL_PATHS.login}?login_challenge=${challenge}`)
        assert.equal(status, 200)
        const client_id = confidential.client_id
        const asked = { prompt_none: false, reauthenticate: false, asks_granted_scopes: true }
        assert.deepEqual(json, { challenge, client_id, ...asked })
      })

      test('returns the same verifier when the same user accepts again, and another one otherwise', async () => {
        const challenge = await startLogin()
        const wayOf = ({ status, json }: Awaited<ReturnType<typeof accept>>) => {
          assert.equal(status, 200)
          return new URL((json as { redirect_to: string }).redirect_to).searchParams
            .get('login_verifier')
            ?.split('.')[0]
        }
        const way = wayOf(await accept(challenge, alice))
        assert.equal(wayOf(await accept(challenge, alice)), way)
        assert.equal(wayOf(await accept(challenge, { ...alice, auth_time: alice.auth_time + 5 })), way)
        assert.notEqual(wayOf(await accept(challenge, { ...alice, subject: '2' })), way)
        const reject = `${INTERNAL_PATHS.loginReject}?challenge=${challenge}`
        assert.notEqual(wayOf(await platform.internal('PUT', reject, { error: 'access_denied' })), way)
      })

      test('names every invalid field', async () => {
        const challenge = await startLogin()
        const { status, json } = await accept(challenge, { ...alice, subject: '007', email: 5, admin: true })
        assert.equal(status, 400)
        const { error, error_description: text } = json as { error: string; error_description: string }
        assert.equal(error, 'invalid_request')
        assert.match(text, /subject: .*email: .*admin/)
        const broken = await fetch(`${platform.iam.internalUrl}${INTERNAL_PATHS.loginAccept}?challenge=${challenge}`, {
          method: 'PUT',
          headers: { [AUTH_TOKEN_HEADER]: 'internal-token-of-the-tests' },
          body: '{"subject":',
        })
        assert.equal(broken.status, 400)
      })

      test('is 404 when the challenge is unknown, malformed or expired, and 400 when it is missing', async () => {
        for (const challenge of ['f'.repeat(64), 'x', "' or 1=1 --", '%00', 'F'.repeat(64)]) {
          assert.equal((await accept(encodeURIComponent(challenge), alice)).status, 404, challenge)
        }
        const challenge = await startLogin()
        await fetch(`${platform.origin}/__lab/advance?seconds=86401`, { method: 'POST' })
        assert.equal((await accept(challenge, alice)).status, 404)
        assert.equal((await platform.internal('PUT', INTERNAL_PATHS.loginAccept, alice)).status, 400)
        const twice = `${INTERNAL_PATHS.loginAccept}?challenge=a&challenge=b`
        assert.equal((await platform.internal('PUT', twice, alice)).status, 400)
      })

      test('can be rejected only with an error that a client may receive', async () => {
        const path = `${INTERNAL_PATHS.loginReject}?challenge=${await startLogin()}`
        assert.equal((await platform.internal('PUT', path, { error: 'x"><script>' })).status, 400)
        assert.equal((await platform.internal('PUT', path, { error: 'access_denied' })).status, 200)
      })
    })

    describe('replication', () => {
      const application: Application = { ...confidential, id: 50, client_id: 'e'.repeat(64), name: 'Fifty', version: 5 }
      const put = (document: unknown) => platform.internal('PUT', INTERNAL_PATHS.clients, document)
      const remove = (version: number | string, clientId = application.client_id) =>
        platform.internal('DELETE', `${INTERNAL_PATHS.clients}/${encodeURIComponent(clientId)}?version=${version}`)
      const held = async (clientId = application.client_id) => {
        const { json } = await platform.internal('GET', INTERNAL_PATHS.clients)
        return (json as { clients: Array<{ client_id: string }> }).clients.find(
          (client) => client.client_id === clientId,
        )
      }

      test('keeps the highest version, in whatever order and however often documents arrive', async () => {
        const answer = { client_id: application.client_id, version: 5, state: 'held' }
        assert.deepEqual((await put(application)).json, { ...answer, stored: true })
        assert.deepEqual((await put(application)).json, { ...answer, stored: false })
        const older = await put({ ...application, version: 4, name: 'Older' })
        assert.deepEqual(older.json, { ...answer, stored: false })
        assert.deepEqual(await held(), { id: 50, client_id: application.client_id, version: 5 })
        assert.equal((await put({ ...application, version: 7 })).status, 200)
        assert.deepEqual(await held(), { id: 50, client_id: application.client_id, version: 7 })
      })

      test('does not let an older document restore a removed application, nor an older removal delete a newer one', async () => {
        const other = { ...application, id: 51, client_id: 'f'.repeat(64) }
        await put(other)
        assert.deepEqual((await remove(4, other.client_id)).json, { client_id: other.client_id, removed: false })
        assert.ok(await held(other.client_id))
        assert.deepEqual((await remove(8, other.client_id)).json, { client_id: other.client_id, removed: true })
        await put({ ...other, version: 8 })
        await put({ ...other, version: 3 })
        assert.equal(await held(other.client_id), undefined)
        await put({ ...other, version: 9 })
        assert.ok(await held(other.client_id))
      })

      test('treats the removal of an unknown application as done, and remembers it', async () => {
        const never = 'n/e ver'
        assert.equal((await remove(3, never)).status, 200)
        await put({ ...application, id: 52, client_id: never, version: 2 })
        assert.equal(await held(never), undefined)
      })

      test('deletes a removed application’s tokens too', async () => {
        const gone = { ...application, id: 53, client_id: '9'.repeat(64) }
        await put(gone)
        const { json } = await postForm(platform, '/oauth/token', { ...clientCredentials, client_id: gone.client_id })
        assert.equal((await introspect(json['access_token']))['active'], true)
        await remove(6, gone.client_id)
        assert.equal((await introspect(json['access_token']))['active'], false)
        const again = await postForm(platform, '/oauth/token', { ...clientCredentials, client_id: gone.client_id })
        assert.equal(again.json['error'], 'invalid_client')
      })

      test('survives concurrent deliveries of one application', async () => {
        const racing = { ...application, id: 54, client_id: '8'.repeat(64) }
        const versions = Array.from({ length: 20 }, (_, index) => index + 1)
        const answers = await Promise.all([
          ...versions.map((version) => put({ ...racing, version })),
          remove(10, racing.client_id),
        ])
        assert.ok(answers.every(({ status }) => status === 200))
        assert.deepEqual(await held(racing.client_id), { id: 54, client_id: racing.client_id, version: 20 })
      })

      test('names invalid fields and stores nothing of the document', async () => {
        const faults: Array<[unknown, RegExp]> = [
          [{ ...application, secret_digest: SECRET }, /secret_digest: must be 128/],
          [{ ...application, version: 0 }, /version/],
          [{ ...application, surprise: 1 }, /surprise/],
          [{ ...application, id: '5' }, /id/],
          [{ ...application, name: 'a\u0000b', version: 90 }, /name: holds a NUL/],
          [[application], /\(body\)/],
          [{ ...application, client_id: 'a new one', version: 90 }, /id: belongs to another application/],
        ]
        for (const [document, expected] of faults) {
          const { status, text } = await put(document)
          assert.equal(status, 400, text)
          assert.match(text, expected)
          assert.ok(!text.includes(SECRET))
        }
        for (const version of ['', '0', '-1', '1.5', 'x', '9'.repeat(30)]) {
          assert.equal((await remove(version)).status, 400, version)
        }
      })
    })

    describe('device', () => {
      const start = async () => {
        const { client_id, client_secret } = clientCredentials
        return (await postForm(platform, '/oauth/authorize_device', { client_id, client_secret, scope: 'openid' })).json
      }
      const accept = (userCode: unknown, body: unknown = alice) =>
        platform.internal('PUT', `${INTERNAL_PATHS.deviceAccept}?user_code=${userCode}`, body)

      test('is approved once, and its tokens belong to the user', async () => {
        const device = await start()
        assert.match(String(device['device_code']), /^gliamdc-/)
        assert.equal(device['verification_uri'], `${platform.origin}/oauth/device`)
        assert.equal((await accept(device['user_code'])).status, 200)
        assert.equal((await accept(device['user_code'])).status, 404)
        const { json } = await postForm(platform, '/oauth/token', {
          ...clientCredentials,
          grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
          device_code: String(device['device_code']),
        })
        assert.equal((await introspect(json['access_token']))['subject'], '1')
        const authorization = `Bearer ${json['access_token']}`
        const userinfo = await fetch(`${platform.origin}/oauth/userinfo`, { headers: { authorization } })
        assert.equal(((await userinfo.json()) as { nickname: string }).nickname, 'alice')
      })

      test('is not found under an unknown or expired code, and requires a code and a user', async () => {
        const unknown = await accept('NOSUCH00')
        assert.deepEqual([unknown.status, unknown.json], [404, { error: 'not_found' }])
        const device = await start()
        assert.equal((await accept(device['user_code'], { subject: '1' })).status, 400)
        await fetch(`${platform.origin}/__lab/advance?seconds=301`, { method: 'POST' })
        const expired = await accept(device['user_code'])
        assert.deepEqual([expired.status, expired.json], [404, { error: 'not_found', reason: 'expired' }])
        assert.equal((await platform.internal('PUT', INTERNAL_PATHS.deviceAccept, alice)).status, 400)
      })
    })

    describe('access tokens as JWT', () => {
      test('verify with the published keys and contain the claims that resource servers check', async () => {
        const { json } = await postForm(platform, '/oauth/token', { ...password, scope: 'api read_user' })
        const token = String(json['access_token'])
        assert.ok(token.startsWith('gliamat-') && token.length <= 8_192)
        for (const path of ['/oauth/discovery/keys', '/.well-known/jwks.json']) {
          const keys = createRemoteJWKSet(new URL(platform.origin + path))
          const { payload, protectedHeader } = await jwtVerify(token.slice('gliamat-'.length), keys, {
            issuer: platform.origin,
            audience: 'gitlab-rails',
            algorithms: ['RS256'],
            requiredClaims: ['sub', 'jti', 'exp', 'iat', 'iss', 'aud', 'scope'],
          })
          assert.equal(payload.sub, '1')
          assert.equal(payload['scope'], 'api read_user')
          assert.equal(Number(payload.exp) - Number(payload.iat), 7_200)
          assert.ok(protectedHeader.kid)
        }
      })

      test('are introspected like opaque ones: active, revoked, expired, never issued', async () => {
        const issue = async () => (await postForm(platform, '/oauth/token', password)).json['access_token']
        const [revoked, expired] = [await issue(), await issue()]
        const active = await introspect(expired)
        assert.deepEqual(
          { ...active, exp: 0 },
          { active: true, subject: '1', client_id: confidential.client_id, scopes: ['api'], exp: 0 },
        )
        assert.ok(Math.abs(Number(active['exp']) - Date.now() / 1_000 - 7_200) < 30)
        const { client_id, client_secret } = clientCredentials
        await postForm(platform, '/oauth/revoke', { client_id, client_secret, token: String(revoked) })
        assert.deepEqual(await introspect(revoked), { active: false })
        await fetch(`${platform.origin}/__lab/advance?seconds=7300`, { method: 'POST' })
        assert.deepEqual(await introspect(expired), { active: false })
        assert.deepEqual(await introspect(`${String(expired).slice(0, -4)}AAAA`), { active: false })
        assert.deepEqual(await introspect('gliamat-unknown'), { active: false })
      })

      test('of a client without a user have no subject when introspected', async () => {
        const { json } = await postForm(platform, '/oauth/token', clientCredentials)
        const answer = await introspect(json['access_token'])
        assert.equal(answer['active'], true)
        assert.ok(!('subject' in answer))
      })
    })

    describe('the password grant', () => {
      test('checks the password with the monolith, and answers invalid_grant for a wrong one', async () => {
        assert.equal((await postForm(platform, '/oauth/token', password)).status, 200)
        const wrong = await postForm(platform, '/oauth/token', { ...password, password: 'wrong' })
        assert.equal(wrong.status, 400)
        assert.equal(wrong.json['error'], 'invalid_grant')
        const long = await postForm(platform, '/oauth/token', { ...password, password: 'x'.repeat(2_000) })
        assert.equal(long.json['error'], 'invalid_grant')
      })

      test('is 503, never a false invalid_grant, when the monolith gives no clear answer', async () => {
        platform.behaviour.passwords = 'fail'
        const { status, json, headers } = await postForm(platform, '/oauth/token', password)
        assert.equal(status, 503)
        assert.equal(json['error'], 'temporarily_unavailable')
        assert.ok(Number(headers.get('retry-after')) > 0)
        assert.ok(!platform.logLines.join('').includes('alice-password-1'))
      })
    })

    test('each grant and each request is a log line without secrets', async () => {
      platform.logLines.length = 0
      const code =
        (await new Browser(platform.origin).go(authorizeUrl(confidential))).location?.searchParams.get('code') ?? ''
      await exchange(platform, code)
      await fetch(`${platform.origin}/oauth/authorize/${code}`, { headers: { 'x-request-id': 'request-77' } })
      const lines = platform.logLines.map((line) => JSON.parse(line) as Record<string, unknown>)
      const grant = lines.find((line) => line['event'] === 'oauth_application:auth')
      assert.equal(grant?.['client_id'], confidential.client_id)
      assert.equal(grant?.['application_id'], confidential.id)
      assert.equal(grant?.['grant_type'], 'authorization_code')
      const token = lines.find((line) => line['path'] === '/oauth/token')
      assert.equal(token?.['method'], 'POST')
      assert.ok(token['correlation_id'] && token['correlation_id'] === grant['correlation_id'])
      assert.equal(token?.['status'], 200)
      assert.equal(typeof token?.['duration_ms'], 'number')
      const odd = lines.find((line) => line['correlation_id'] === 'request-77')
      assert.equal(odd?.['path'], '/oauth/authorize/[masked]')
      assert.ok(!platform.logLines.join('').includes(code))
    })
  })
