import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Browser } from '../support/browser.ts'
import { clientId, SIDES, type SideName, type Site, secretOf, startSite } from './site.ts'
import { authorizeAs, authorizeUrl } from './walk.ts'

const other = (side: SideName): SideName => (side === 'iam' ? 'monolith' : 'iam')
const self = (side: SideName) => ({ client_id: clientId(side), client_secret: secretOf(side) })
const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token}` })

describe('two credentials of different sides in one request', () => {
  let site: Site
  before(async () => {
    site = await startSite()
  })
  after(() => site?.close())

  /** A pair of alice on this side and of bob on the other; `at` addresses a server directly instead of the gateway. */
  const pairOf = async (side: SideName, username: 'alice' | 'bob', at = site.url) => {
    const user = { username, password: `${username}-password`, scope: 'openid read_user' }
    const body = new URLSearchParams({ ...self(side), grant_type: 'password', ...user })
    const answer = await fetch(`${at}/oauth/token`, { method: 'POST', body, signal: AbortSignal.timeout(15_000) })
    const pair = (await answer.json()) as Record<string, string>
    assert.equal(answer.status, 200, pair['error'])
    return pair
  }
  const userOf = async (token: string | undefined) => {
    const { status, json } = await site.send('/oauth/userinfo', { headers: bearer(token) })
    return status === 200 ? json['sub'] : status
  }

  for (const side of SIDES) {
    describe(`when the one that counts belongs to ${side}`, () => {
      test('revocation ends the token and leaves the bearer token valid', async () => {
        const [own, foreign] = [await pairOf(side, 'alice'), await pairOf(other(side), 'bob')]
        const form = { ...self(side), token: own['access_token'] ?? '' }
        const headers = bearer(foreign['access_token'])
        assert.equal((await site.send('/oauth/revoke', { form, headers })).status, 200)
        assert.deepEqual([await userOf(own['access_token']), await userOf(foreign['access_token'])], [401, '2'])
      })

      test('a refresh issues new tokens for the refresh token and leaves the bearer token valid', async () => {
        const [own, foreign] = [await pairOf(side, 'alice'), await pairOf(other(side), 'bob')]
        const form = { ...self(side), grant_type: 'refresh_token', refresh_token: own['refresh_token'] ?? '' }
        const { status, json } = await site.send('/oauth/token', { form, headers: bearer(foreign['access_token']) })
        assert.equal(status, 200)
        assert.equal(await userOf(String(json['access_token'])), '1')
        assert.equal(await userOf(foreign['access_token']), '2')
      })

      test('userinfo evaluates the parameter access_token, then the header, then the parameter bearer_token', async () => {
        const [own, foreign] = [await pairOf(side, 'alice'), await pairOf(other(side), 'bob')]
        const [mine = '', theirs = ''] = [own['access_token'], foreign['access_token']]
        const first = await site.send('/oauth/userinfo', { form: { access_token: mine }, headers: bearer(theirs) })
        const second = await site.send('/oauth/userinfo', { form: { bearer_token: theirs }, headers: bearer(mine) })
        assert.deepEqual([first.json['sub'], second.json['sub']], ['1', '1'])
      })

      test('an id_token_hint of the other side does not change an authorization', async () => {
        const hint = (await pairOf(other(side), 'bob'))['id_token']
        assert.ok(hint)
        const address = authorizeUrl(site, side, { id_token_hint: hint, scope: 'openid' })
        const { page } = await authorizeAs(site, new Browser(), address)
        assert.ok(page.location?.searchParams.has('code'), page.text.slice(0, 200))
      })

      test('token exchange is unsupported, whichever side issued the subject and actor tokens', async () => {
        const [own, foreign] = [await pairOf(side, 'alice'), await pairOf(other(side), 'bob')]
        const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange'
        const tokens = { subject_token: own['access_token'] ?? '', actor_token: foreign['access_token'] ?? '' }
        const { status, json } = await site.send('/oauth/token', { form: { ...self(side), grant_type, ...tokens } })
        assert.deepEqual([status, json['error']], [400, 'unsupported_grant_type'])
      })

      test('introspection by the client knows access and refresh tokens of both servers', async () => {
        for (const at of [site.monolith.url, site.iam.url]) {
          const pair = await pairOf(side, 'alice', at)
          for (const kind of ['access_token', 'refresh_token'] as const) {
            const form = { ...self(side), token: pair[kind] ?? '' }
            const { json } = await site.send('/oauth/introspect', { form })
            assert.deepEqual([json['active'], json['client_id']], [true, clientId(side)], `${kind} of ${at}`)
          }
        }
      })
    })
  }
})
