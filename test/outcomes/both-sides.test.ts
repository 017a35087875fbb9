import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { ROUTING_FLAG } from '../../src/routing/index.ts'
import { CALLBACK, clientId, SIDES, type SideName, type Site, secretOf, startSite } from '../attacks/site.ts'
import { authorizeAs, authorizeUrl, codeFor } from '../attacks/walk.ts'
import { Browser } from '../support/browser.ts'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../support/database.ts'
import { eventually } from '../support/wait.ts'

const ids = { monolith: 1, iam: 11 } as const
const state = () => `state-${randomUUID()}`
const shown = { monolith: 'rails', iam: 'iam' } as const

describe('outcomes of real flows through the gateway', () => {
  let store: TestDatabase
  let plane: TestControlPlane
  let site: Site
  before(async () => {
    const engine = testDatabases().at(-1)
    assert.ok(engine)
    store = await engine.open()
    plane = await startTestControlPlane(store.database)
    for (const side of SIDES) {
      await plane.announce(testApplication(ids[side], { client_id: clientId(side), confidential: true }))
    }
    await plane.ask('POST', `/api/v4/features/${ROUTING_FLAG}`, {
      json: { value: 'true', oauth_application: String(ids.iam) },
    })
    const identity = { instance: 'gateway-under-test', name: 'test', version: '1', commit: undefined }
    const control = { kind: 'control', url: plane.url, token: plane.gatewayToken, environment: 'production' } as const
    site = await startSite({
      gateway: { source: { ...control, stateFile: undefined, identity }, flowKey: Buffer.alloc(32, 3) },
    })
  })
  after(async () => {
    await site.close()
    await plane.close()
    await store.close()
  })

  const own = (side: SideName) => ({ client_id: clientId(side), client_secret: secretOf(side) })
  const token = (side: SideName, form: Readonly<Record<string, string>>) =>
    site.send('/oauth/token', { form: { ...own(side), ...form } })
  const exchange = async (side: SideName, code: string, over: Readonly<Record<string, string>> = {}) =>
    token(side, { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, ...over })

  /** The counts of one side's application, summed up over time. */
  async function counts(side: SideName): Promise<Record<string, number>> {
    const { json } = await plane.ask('GET', `/api/v1/outcomes?oauth_application=${ids[side]}`)
    const sums: Record<string, number> = {}
    for (const { side: at, kind, cause, count } of json.outcomes) {
      assert.equal(at, shown[side])
      sums[`${kind} ${cause}`] = (sums[`${kind} ${cause}`] ?? 0) + count
    }
    return sums
  }

  /** Runs a flow and returns what it added to the counts once they are `wanted`. */
  async function adds(side: SideName, wanted: Record<string, number>, flow: () => Promise<unknown>): Promise<void> {
    const earlier = await counts(side)
    await flow()
    let added: Record<string, number> = {}
    const isThere = async () => {
      const now = await counts(side)
      added = Object.fromEntries(
        Object.entries(now)
          .map(([key, count]) => [key, count - (earlier[key] ?? 0)] as const)
          .filter(([, count]) => count !== 0),
      )
      return JSON.stringify(Object.entries(added).sort()) === JSON.stringify(Object.entries(wanted).sort())
    }
    await eventually(`${JSON.stringify(wanted)} on ${side}`, isThere).catch(() => assert.deepEqual(added, wanted))
  }

  for (const side of SIDES) {
    test(`a sign-in, its refresh and what is done with its tokens succeed on ${side}`, async () => {
      await adds(
        side,
        { 'sign_in success': 1, 'refresh success': 1, 'introspect success': 1, 'revoke success': 1 },
        async () => {
          const signedIn = await exchange(side, await codeFor(site, side, { state: state() }))
          assert.equal(signedIn.status, 200, signedIn.body)
          const refreshed = await token(side, {
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
      const before = await counts(side)
      for (let tries = 0; tries < 5; tries++) await token(side, { grant_type: 'client_credentials' })
      await eventually('an outcome', async () => {
        const { 'client_credentials success': count = 0 } = await counts(side)
        return count > (before['client_credentials success'] ?? 0)
      })
      const { 'client_credentials success': count = 0 } = await counts(side)
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
      await adds(side, { 'sign_in client': 1 }, () => exchange(side, `${prefix}${'x'.repeat(43)}`))
    })

    test(`a live code that is refused counts against ${side}`, async () => {
      await adds(side, { 'sign_in server': 1 }, async () => {
        const code = await codeFor(site, side, { state: state() })
        const refused = await exchange(side, code, { redirect_uri: 'https://client.example.test/other' })
        assert.equal(refused.json['error'], 'invalid_grant', refused.body)
      })
    })

    test(`a client that authenticated before and is refused counts against ${side}, once for all its retries`, async () => {
      await adds(side, { 'sign_in server': 1 }, async () => {
        const code = `${side === 'iam' ? 'gliamac-' : ''}${'y'.repeat(43)}`
        for (let tries = 0; tries < 4; tries++) {
          const refused = await exchange(side, code, { client_secret: 'wrong' })
          assert.equal(refused.json['error'], 'invalid_client', refused.body)
        }
      })
    })
  }

  test('neither the store nor the log of any part holds a credential', async () => {
    const rows = await store.database.query<{ memory: unknown }>(`select memory from ${plane.schema}.outcome_memory`)
    const text = JSON.stringify(rows) + site.log.join('\n')
    for (const side of SIDES) assert.ok(!text.includes(secretOf(side)))
    assert.ok(!/gliam(?:ac|at|rt|dc)-[\w-]{20}/.test(text))
  })
})
