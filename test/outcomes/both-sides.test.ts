import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { clientId, SIDES, type SideName, type Site, secretOf } from '../attacks/site.ts'
import { authorizeAs, authorizeUrl, codeFor } from '../attacks/walk.ts'
import { Browser } from '../support/browser.ts'
import { eventually } from '../support/wait.ts'
import { ObservedSite } from './observed-site.ts'

const state = () => `state-${randomUUID()}`

describe('outcomes of real flows through the gateway', () => {
  let observed: ObservedSite
  let site: Site
  before(async () => {
    observed = await ObservedSite.start()
    site = observed.site
  })
  after(() => observed.close())

  const own = (side: SideName) => ({ client_id: clientId(side), client_secret: secretOf(side) })
  const adds = (side: SideName, wanted: Record<string, number>, flow: () => Promise<unknown>) =>
    observed.adds([side], wanted, flow)

  for (const side of SIDES) {
    test(`a sign-in, its refresh and what is done with its tokens succeed on ${side}`, async () => {
      await adds(
        side,
        { 'sign_in success': 1, 'refresh success': 1, 'introspect success': 1, 'revoke success': 1 },
        async () => {
          const signedIn = await observed.exchange(side, await codeFor(site, side, { state: state() }))
          assert.equal(signedIn.status, 200, signedIn.body)
          const refreshed = await observed.token(side, {
            grant_type: 'refresh_token',
            refresh_token: String(signedIn.json['refresh_token']),
          })
          assert.equal(refreshed.status, 200, refreshed.body)
          const access = String(refreshed.json['access_token'])
          await site.send('/oauth/introspect', { form: { ...own(side), token: access } })
          await site.send('/oauth/revoke', { form: { ...own(side), token: access } })
        },
      )
    })

    test(`client credentials succeed once a minute on ${side}, however often they are used`, async () => {
      const before = await observed.counts(side)
      for (let tries = 0; tries < 5; tries++) await observed.token(side, { grant_type: 'client_credentials' })
      await eventually('an outcome', async () => {
        const { 'client_credentials success': count = 0 } = await observed.counts(side)
        return count > (before['client_credentials success'] ?? 0)
      })
      const { 'client_credentials success': count = 0 } = await observed.counts(side)
      assert.ok(count <= 2)
    })

    test(`a user who denies is the user’s own outcome on ${side}`, async () => {
      await adds(side, { 'sign_in user': 1 }, async () => {
        const { page } = await authorizeAs(
          site,
          new Browser(),
          authorizeUrl(site, side, { state: state(), scope: 'openid' }),
          'Deny',
          'bob',
        )
        assert.equal(page.location?.searchParams.get('error'), 'access_denied')
      })
    })

    test(`a made-up code is the client’s fault on ${side}`, async () => {
      const prefix = side === 'iam' ? 'gliamac-' : ''
      await adds(side, { 'sign_in client': 1 }, () => observed.exchange(side, `${prefix}${'x'.repeat(43)}`))
    })

    test(`a live code that is refused counts against ${side}`, async () => {
      await adds(side, { 'sign_in server': 1 }, async () => {
        const code = await codeFor(site, side, { state: state() })
        const refused = await observed.exchange(side, code, { redirect_uri: 'https://client.example.test/other' })
        assert.equal(refused.json['error'], 'invalid_grant', refused.body)
      })
    })

    test(`a client that authenticated before and is refused counts against ${side}, once for all its retries`, async () => {
      await adds(side, { 'sign_in server': 1 }, async () => {
        const code = `${side === 'iam' ? 'gliamac-' : ''}${'y'.repeat(43)}`
        for (let tries = 0; tries < 4; tries++) {
          const refused = await observed.exchange(side, code, { client_secret: 'wrong' })
          assert.equal(refused.json['error'], 'invalid_client', refused.body)
        }
      })
    })
  }

  test('neither the store nor the log of any part holds a credential', async () => {
    const rows = await observed.store.database.query<{ memory: unknown }>(
      `select memory from ${observed.plane.schema}.outcome_memory`,
    )
    const text = JSON.stringify(rows) + site.log.join('\n')
    for (const side of SIDES) assert.ok(!text.includes(secretOf(side)))
    assert.ok(!/gliam(?:ac|at|rt|dc)-[\w-]{20}/.test(text))
  })
})
