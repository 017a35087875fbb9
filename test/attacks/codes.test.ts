import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { CALLBACK, clientId, SIDES, type SideName, type Site, secretOf, startSite } from './site.ts'
import { codeFor } from './walk.ts'

const VERIFIER = 'v'.repeat(64)
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')

describe('a stolen code', () => {
  let site: Site
  before(async () => {
    site = await startSite()
  })
  after(() => site?.close())

  const exchange = (code: string, form: Readonly<Record<string, string>>) =>
    site.send('/oauth/token', { form: { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, ...form } })
  const self = (side: SideName) => ({ client_id: clientId(side), client_secret: secretOf(side) })
  const other = (side: SideName): SideName => (side === 'iam' ? 'monolith' : 'iam')

  for (const side of SIDES) {
    describe(`of ${side}`, () => {
      test('is rejected for the client of the other side, and stays valid for its owner (RFC 9700 §4.4)', async () => {
        const code = await codeFor(site, side)
        const stolen = await exchange(code, self(other(side)))
        assert.deepEqual([stolen.status, stolen.json['error']], [400, 'invalid_grant'])
        assert.equal((await exchange(code, self(side))).status, 200)
      })

      test('is unknown when sent to the other server directly', async () => {
        const code = await codeFor(site, side)
        const url = side === 'iam' ? site.monolith.url : site.iam.url
        const form = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, ...self(side) }
        const answer = await fetch(`${url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
        assert.equal(answer.status, 400)
        assert.equal(((await answer.json()) as { error: string }).error, 'invalid_grant')
        assert.equal((await exchange(code, self(side))).status, 200)
      })

      test('is rejected for another client of the same server', async () => {
        const code = await codeFor(site, side)
        const stolen = await exchange(code, { client_id: clientId(side, 'phone'), redirect_uri: CALLBACK })
        assert.deepEqual([stolen.status, stolen.json['error']], [400, 'invalid_grant'])
        const odd = await exchange(code, { client_id: clientId(side, 'odd'), client_secret: secretOf(side) })
        assert.deepEqual([odd.status, odd.json['error']], [400, 'invalid_grant'])
      })

      test('is rejected without the verifier, or with another one (RFC 9700 §4.5.3)', async () => {
        const challenge = { code_challenge: CHALLENGE, code_challenge_method: 'S256' }
        const code = await codeFor(site, side, challenge)
        for (const [verifier, error] of [
          [undefined, 'invalid_request'],
          ['', 'invalid_request'],
          ['x'.repeat(64), 'invalid_grant'],
          [CHALLENGE, 'invalid_grant'],
        ] as const) {
          const form = verifier === undefined ? {} : { code_verifier: verifier }
          const answer = await exchange(code, { ...self(side), ...form })
          assert.deepEqual([answer.status, answer.json['error']], [400, error])
        }
        assert.equal((await exchange(code, { ...self(side), code_verifier: VERIFIER })).status, 200)
      })

      test('without its challenge is rejected for the client that sends its verifier (RFC 9700 §4.8.2)', async () => {
        const code = await codeFor(site, side)
        const answer = await exchange(code, { ...self(side), code_verifier: VERIFIER })
        assert.deepEqual([answer.status, answer.json['error']], [400, 'invalid_grant'])
      })

      test('is rejected with another redirect address', async () => {
        const code = await codeFor(site, side)
        for (const redirect_uri of [
          'https://evil.example.test/callback',
          `${CALLBACK}/`,
          'http://client.example.test/callback',
        ]) {
          const answer = await exchange(code, { ...self(side), redirect_uri })
          assert.deepEqual([answer.status, answer.json['error']], [400, 'invalid_grant'], redirect_uri)
        }
      })

      test('is rejected after its use', async () => {
        const code = await codeFor(site, side)
        assert.equal((await exchange(code, self(side))).status, 200)
        const again = await exchange(code, self(side))
        assert.deepEqual([again.status, again.json['error']], [400, 'invalid_grant'])
      })

      test('yields tokens that the client of the other side can neither refresh nor revoke', async () => {
        const { json } = await exchange(await codeFor(site, side), self(side))
        const refresh_token = String(json['refresh_token'])
        const thief = self(other(side))
        const stolen = await site.send('/oauth/token', {
          form: { grant_type: 'refresh_token', refresh_token, ...thief },
        })
        assert.deepEqual([stolen.status, stolen.json['error']], [400, 'invalid_grant'])
        const revoked = await site.send('/oauth/revoke', { form: { token: refresh_token, ...thief } })
        assert.equal(revoked.status, 403)
        const seen = await site.send('/oauth/introspect', { form: { token: String(json['access_token']), ...thief } })
        assert.deepEqual(seen.json, { active: false })
        const own = await site.send('/oauth/token', {
          form: { grant_type: 'refresh_token', refresh_token, ...self(side) },
        })
        assert.equal(own.status, 200)
      })
    })
  }
})
