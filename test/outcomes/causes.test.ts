import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { CALLBACK, clientId, SIDES, type SideName, secretOf } from '../attacks/site.ts'
import { authorizeAs, authorizeUrl, codeFor } from '../attacks/walk.ts'
import { Browser } from '../support/browser.ts'
import { type FaultMode, type FaultProxy, openFaultProxy } from '../support/fault-proxy.ts'
import { eventually } from '../support/wait.ts'
import { ObservedSite } from './observed-site.ts'

const SCHEMA = { monolith: 'monolith_oauth', iam: 'iam' } as const
const HEADERS_MS = 1_500
/** What the gateway sees of a side that fails; IAM's new flows would fall back, so the requests carry credentials. */
const FAULTS: ReadonlyArray<readonly [FaultMode, string]> = [
  ['refuses', 'is not reachable'],
  ['hangs before the head', 'does not answer in time'],
  ['closes within the body', 'cuts its answer off'],
  ['answers the wrong type', 'answers with a page of HTML'],
  ['answers 500', 'answers 500'],
]

describe('the cause of a failure on a real server', () => {
  let observed: ObservedSite
  const doors: Partial<Record<SideName, FaultProxy>> = {}
  before(async () => {
    observed = await ObservedSite.start({
      gateway: {
        limits: { iamHeadersMs: HEADERS_MS, legacyHeadersMs: HEADERS_MS, bodyIdleMs: HEADERS_MS },
        breaker: { consecutiveFailures: 1e9, windowMinimum: 1e9 },
      },
      async before(side, url) {
        const { hostname, port } = new URL(url)
        const door = await openFaultProxy({ host: '127.0.0.1', port: 0 }, { host: hostname, port: Number(port) })
        doors[side] = door
        return door.url
      },
    })
  })
  after(async () => {
    await observed.close()
    for (const door of Object.values(doors)) await door.close()
  })

  const state = () => `state-${randomUUID()}`
  const refreshTokenOf = async (side: SideName) => {
    const answer = await observed.exchange(side, await codeFor(observed.site, side, { state: state() }))
    return String(answer.json['refresh_token'])
  }
  /** Changes what a server knows of an application, and waits until its cache has forgotten the rest. */
  const change = async (
    side: SideName,
    name: 'redirect_uris' | 'scopes',
    value: string,
    hasChanged: () => Promise<boolean>,
  ) => {
    const sql = `update ${SCHEMA[side]}.applications set ${name} = $1 where client_id = $2`
    await observed.site.database.query(sql, [[value], clientId(side, 'odd')])
    await eventually('the server uses the changed registration', hasChanged)
  }

  for (const side of SIDES) {
    for (const [mode, words] of FAULTS) {
      test(`is the server when ${side} ${words}`, async () => {
        await observed.adds([side], { 'sign_in success': 1, 'refresh server': 1 }, async () => {
          const refresh_token = await refreshTokenOf(side)
          await doors[side]?.set(mode)
          const refresh = observed.token(side, { grant_type: 'refresh_token', refresh_token })
          // A cut-off answer is cut off for the client too.
          await refresh.catch(() => {}).finally(() => doors[side]?.set('open'))
        })
      })
    }

    test(`is the client when it closes the connection before ${side} answers`, async () => {
      await observed.adds([side], { 'sign_in success': 1, 'refresh client': 1 }, async () => {
        const refreshToken = await refreshTokenOf(side)
        await doors[side]?.set('hangs before the head')
        await abandon(observed.site.url, side, refreshToken).finally(() => doors[side]?.set('open'))
      })
    })

    test(`is the user when the password is wrong on ${side}`, async () => {
      await observed.adds([side], { 'password user': 1 }, async () => {
        const wrong = { username: 'alice', password: 'wrong', scope: 'read_user' }
        const refused = await observed.token(side, { grant_type: 'password', ...wrong })
        assert.equal(refused.json['error'], 'invalid_grant', refused.body)
      })
    })

    test(`is the client when it asks ${side} for a scope that legacy never accepted`, async () => {
      await observed.adds([side], { 'sign_in client': 1 }, async () => {
        const address = authorizeUrl(observed.site, side, { state: state(), scope: 'no_such_scope' })
        await authorizeAs(observed.site, new Browser(), address)
      })
    })

    test(`is the client when it asks ${side} for a grant type that there is not`, async () => {
      await observed.adds([side], { 'sign_in client': 1 }, async () => {
        const address = authorizeUrl(observed.site, side, { state: state(), response_type: 'no_such_type' })
        await authorizeAs(observed.site, new Browser(), address)
      })
    })
  }

  test('is ours when the brake sends a moved application to legacy, which refuses it', async () => {
    const brake = (value: boolean) =>
      observed.plane.ask('PUT', '/api/v1/brake', { json: { on: value, reason: 'test' } })
    try {
      await brake(true)
      await eventually('the gateway brakes', async () => {
        const { headers } = await observed.site.send(`/oauth/authorize?client_id=${clientId('iam')}`)
        return !String(headers['location'] ?? '').includes('login_challenge')
      })
      await observed.adds(['iam', 'web', 'monolith'], { 'client_credentials ours': 1 }, async () => {
        const refused = await observed.token('iam', { grant_type: 'client_credentials', client_secret: 'wrong' })
        assert.equal(refused.json['error'], 'invalid_client', refused.body)
      })
    } finally {
      await brake(false)
    }
  })

  for (const side of SIDES) {
    test(`is ${side} when it refuses the scope or the redirect URI that legacy accepted from this application`, async () => {
      const address = () =>
        authorizeUrl(observed.site, side, { client_id: clientId(side, 'odd'), state: state(), scope: 'read_user' })
      const sees = (what: RegExp) => async () => {
        const { page } = await authorizeAs(observed.site, new Browser(), address())
        return what.test(`${page.location ?? ''} ${page.status}`)
      }
      await observed.adds([side, 'odd', 'monolith'], { 'sign_in success': 1 }, async () => {
        const { page } = await authorizeAs(observed.site, new Browser(), address())
        const code = page.location?.searchParams.get('code') ?? ''
        const form = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK }
        const granted = await observed.token(side, form, 'odd')
        assert.equal(granted.status, 200, granted.body)
      })
      if (side === 'iam') {
        await observed.move('odd')
        await eventually('the gateway follows', async () => {
          const { headers } = await observed.site.send(new URL(address()).pathname + new URL(address()).search)
          return String(headers['location'] ?? '').includes('login_challenge')
        })
      }
      const refusals = async () => (await observed.counts(side, 'odd'))['sign_in server'] ?? 0
      await change(side, 'scopes', 'openid', sees(/ 4\d\d$/))
      await eventually('a refused scope counts against the server', async () => (await refusals()) > 0)
      await change(side, 'scopes', 'read_user', sees(/code=/))
      const before = await refusals()
      await change(side, 'redirect_uris', 'https://client.example.test/other', sees(/ 4\d\d$/))
      await eventually('a refused redirect URI counts against the server', async () => (await refusals()) > before)
      const { 'sign_in client': blamed = 0 } = await observed.counts(side, 'odd')
      assert.equal(blamed, 0)
    })
  }
})

/** Sends a refresh request and closes the connection while the server works on it. */
function abandon(url: string, side: SideName, refreshToken: string): Promise<void> {
  const form = new URLSearchParams({
    ...{ grant_type: 'refresh_token', refresh_token: refreshToken },
    ...{ client_id: clientId(side), client_secret: secretOf(side) },
  }).toString()
  return new Promise((resolve) => {
    const sent = httpRequest(`${url}/oauth/token`, {
      ...{ method: 'POST', agent: false },
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': form.length },
    })
    sent.on('error', () => resolve()).on('close', () => resolve())
    sent.end(form)
    // A client that only half closes its connection may still want the answer.
    setTimeout(() => sent.socket?.resetAndDestroy(), HEADERS_MS / 3)
  })
}
