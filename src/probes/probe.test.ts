import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { startTwoSides, type TwoSides } from '../../test/e2e/two-sides.ts'
import { type TestDatabase, testDatabases } from '../../test/support/database.ts'
import { type ListenAddress, listen } from '../http/index.ts'
import { OUTCOME_KINDS } from '../outcomes/index.ts'
import { breakagesOf, breakTwin, probe, probeFault, type Twin, type WireSettings } from './index.ts'

const ANY: ListenAddress = { host: '127.0.0.1', port: 0 }
const SECRET = 'gloas-secret-of-the-twin+/%=='
const USER = { username: 'probe', password: 'probe-password-1' }
const SEED = {
  users: [{ id: 1, ...USER, name: 'Probe', email: 'probe@example.test' }],
  clients: Object.fromEntries(
    ['web', 'phone', 'limits'].map((name, index) => [
      name,
      {
        id: index + 1,
        ...{ name, uid: `twin-${name}`, secret: name === 'phone' ? null : SECRET, confidential: name !== 'phone' },
        ...{ trusted: false, scopes: '', redirect_uris: ['https://client.example.test/callback?kept=1'] },
      },
    ]),
  ),
}

const WEB: Twin = {
  ...{ clientId: 'twin-web', clientSecret: SECRET, authentication: 'client_secret_basic' },
  ...{ redirectUri: 'https://client.example.test/callback?kept=1', scope: 'read_user openid', usesPkce: true },
  ...{ kinds: OUTCOME_KINDS, user: USER },
}
const PHONE: Twin = {
  ...WEB,
  ...{ clientId: 'twin-phone', clientSecret: undefined, authentication: 'none' },
  kinds: ['sign_in', 'refresh', 'userinfo', 'revoke'],
}

function wireTo(origin: string, stepLimitMs = 60_000): WireSettings {
  return { origin, stepLimitMs, headers: () => ({}) }
}

for (const engine of testDatabases().slice(0, 1)) {
  describe('a probe', () => {
    let store: TestDatabase
    let sides: TwoSides
    before(async () => {
      store = await engine.open()
      sides = await startTwoSides(store.database, SEED)
    })
    after(async () => {
      await sides.close()
      await store.close()
    })

    for (const side of ['monolith', 'iam'] as const) {
      test(`runs every kind of flow on ${side}, and its result contains no credential`, async () => {
        sides.side = side
        // This IAM has no address to check passwords at.
        const kinds = OUTCOME_KINDS.filter((kind) => side === 'monolith' || kind !== 'password')
        const results = await probe({ ...WEB, kinds }, wireTo(sides.origin))
        assert.deepEqual(
          results.map(({ kind, verdict, failedAt, error }) => ({ kind, verdict, failedAt, error })),
          kinds.map((kind) => ({ kind, verdict: 'succeeded', failedAt: undefined, error: undefined })),
        )
        const said = JSON.stringify(results)
        for (const secret of [SECRET, USER.password, 'gliam', 'code=', 'Basic ']) assert.ok(!said.includes(secret))
      })

      test(`runs the flows of a public client on ${side}`, async () => {
        sides.side = side
        const results = await probe(PHONE, wireTo(sides.origin))
        assert.deepEqual(
          results.map(({ kind, verdict }) => `${kind} ${verdict}`),
          ['sign_in succeeded', 'refresh succeeded', 'revoke succeeded', 'userinfo succeeded'],
        )
      })

      test(`names the step and the OAuth error of each way to break a twin on ${side}`, async () => {
        sides.side = side
        const found: Record<string, string> = {}
        for (const way of breakagesOf(WEB)) {
          const [result] = await probe(breakTwin({ ...WEB, kinds: ['sign_in'] }, way), wireTo(sides.origin))
          assert.equal(result?.verdict, 'failed')
          found[way] = `${result?.failedAt} ${result?.error}`
        }
        assert.equal(found['wrong_secret'], 'token invalid_client')
        assert.equal(found['wrong_verifier'], 'token invalid_grant')
        assert.match(found['unknown_scope'] ?? '', /^authorize /)
        assert.match(found['wrong_redirect_uri'] ?? '', /^authorize /)
      })

      test(`reports what a client meets under an injected fault on ${side}`, async () => {
        sides.side = side
        const lost = await probeFault('lost_answer', WEB, wireTo(sides.origin))
        assert.equal(lost.verdict, 'succeeded', JSON.stringify(lost))
        assert.match(lost.observed, /^(kept|signed_out)$/)
        const redirected = await probeFault('redirected_post', WEB, wireTo(sides.origin))
        assert.equal(redirected.observed, 'as_expected')
      })
    }

    test('says that a flow was not tried when the flow that should deliver its token failed', async () => {
      sides.side = 'iam'
      const twin = { ...breakTwin(WEB, 'wrong_secret'), kinds: ['sign_in', 'refresh'] as const }
      const results = await probe(twin, wireTo(sides.origin))
      assert.deepEqual(
        results.map(({ kind, verdict, failedAt }) => [kind, verdict, failedAt]),
        [
          ['sign_in', 'failed', 'token'],
          ['refresh', 'not_tried', 'sign_in'],
        ],
      )
    })

    test('reports a wrong password as a refused sign-in', async () => {
      const twin = { ...WEB, kinds: ['sign_in'] as const, user: { username: 'probe', password: 'wrong' } }
      const [result] = await probe(twin, wireTo(sides.origin))
      assert.deepEqual([result?.failedAt, result?.error], ['sign_in', 'sign_in_refused'])
    })
  })
}

describe('a probe of a server that misbehaves', () => {
  const answers: Record<string, (response: ServerResponse) => void> = {
    status_503: (response) => response.writeHead(503).end(),
    unreadable: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Welcome'),
    cut_off: (response) => response.socket?.destroy(),
    unexpected_redirect: (response) => response.writeHead(301, { location: '/elsewhere' }).end(),
    wrong_token_type: (response) => response.writeHead(200).end('{"access_token":"a","token_type":"mac"}'),
    wrong_expires_in: (response) =>
      response.writeHead(200).end('{"access_token":"a","token_type":"Bearer","expires_in":"7200"}'),
    other: (response) => response.writeHead(400).end('{"error":"<script>"}'),
    timed_out: () => {},
  }
  for (const [error, answer] of Object.entries(answers)) {
    test(`reports ${error}`, async () => {
      const server = createServer((request, response) => {
        request.resume()
        answer(response)
      })
      const running = await listen(server, ANY)
      const twin = { ...WEB, kinds: ['client_credentials'] as const }
      const [result] = await probe(twin, wireTo(running.url, error === 'timed_out' ? 50 : 60_000))
      assert.deepEqual([result?.verdict, result?.failedAt, result?.error], ['failed', 'token', error])
      await running.close(0)
    })
  }

  test('reports a server that does not listen as unreachable', async () => {
    const running = await listen(createServer(), ANY)
    await running.close(0)
    const [result] = await probe({ ...WEB, kinds: ['client_credentials'] }, wireTo(running.url))
    assert.equal(result?.error, 'unreachable')
  })

  test('takes the password of its user to no other origin', async () => {
    let asked = 0
    const other = await listen(
      createServer((_request, response) => {
        asked++
        response.end()
      }),
      ANY,
    )
    const server = createServer((_request, response) => {
      response.writeHead(302, { location: `${other.url}/users/sign_in` }).end()
    })
    const running = await listen(server, ANY)
    const [result] = await probe({ ...WEB, kinds: ['sign_in'] }, wireTo(running.url))
    assert.deepEqual([result?.failedAt, result?.error, asked], ['sign_in_page', 'foreign_page', 0])
    await Promise.all([running.close(0), other.close(0)])
  })

  test('finds that a limit answers without JSON, and that it never comes', async () => {
    let count = 0
    const server = createServer((request, response) => {
      request.resume()
      count++
      if (count > 3) response.writeHead(429, { 'content-type': 'text/plain' }).end('slow down')
      else response.writeHead(401).end('{"error":"invalid_client"}')
    })
    const running = await listen(server, ANY)
    const limited = await probeFault('too_many_requests', WEB, wireTo(running.url))
    assert.deepEqual([limited.verdict, limited.observed], ['failed', 'unreadable'])
    count = -1_000
    const unlimited = await probeFault('too_many_requests', WEB, wireTo(running.url))
    assert.equal(unlimited.observed, 'no_limit')
    await running.close(0)
  })
})
