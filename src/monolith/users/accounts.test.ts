import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { SEED, signedInBrowser, startPlatform } from '../../../test/support/monolith-platform.ts'
import { freePortRange } from '../../../test/support/ports.ts'
import { eventually } from '../../../test/support/wait.ts'
import { type RunningIam, startIam } from '../../iam/index.ts'
import { silentLog } from '../../observability/index.ts'
import { rememberedGrants } from '../grants/iam-grants.ts'
import type { RunningMonolith } from '../index.ts'

const TOKEN = 'admin-token-of-the-tests'
const INTERNAL = 'internal-token-of-the-tests'
const CLIENT = { client_id: 'web', client_secret: 'web-secret' }

for (const engine of testDatabases())
  describe(`user administration at the platform, on ${engine.kind}`, () => {
    let store: TestDatabase
    let monolith: RunningMonolith
    let iam: RunningIam | undefined
    let ports: number

    const openIam = async () => {
      iam = await startIam(
        {
          listen: { host: '127.0.0.1', port: ports },
          internalListen: { host: '127.0.0.1', port: ports + 1 },
          issuer: monolith?.url ?? `http://127.0.0.1:${ports + 2}`,
          database: store.database,
          internalToken: INTERNAL,
          verifierKey: Buffer.alloc(32, 7),
          resourceOwnerUrl: `http://127.0.0.1:${ports + 2}/-/iam/resource_owner`,
        },
        silentLog,
      )
    }
    before(async () => {
      store = await engine.open()
      ports = await freePortRange(3)
      await openIam()
      monolith = await startPlatform(store.database, {
        listen: { host: '127.0.0.1', port: ports + 2 },
        adminToken: TOKEN,
        iam: { internalUrl: `http://127.0.0.1:${ports + 1}`, token: INTERNAL },
        seed: { ...SEED, users: SEED.users.map((user) => ({ ...user, claims: { groups: ['staff'] } })) },
      })
      assert.equal(await monolith.replicator.whenDelivered(30_000), true)
    })
    after(async () => {
      await monolith?.close()
      await iam?.close()
      await store.close()
    })

    const admin = async (method: string, path: string, body?: unknown, token = TOKEN) => {
      const headers = { 'private-token': token, 'content-type': 'application/json' }
      const json = body === undefined ? {} : { body: JSON.stringify(body) }
      return fetch(`${monolith.url}/api/v4/users/${path}`, { method, headers, ...json })
    }
    const sides = () => ({ iam: iam?.url ?? '', monolith: monolith.url })
    const password = async (url: string, username = 'alice') => {
      const form = { ...CLIENT, grant_type: 'password', username, password: `${username}-password`, scope: 'openid' }
      const answer = await fetch(`${url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
      return (await answer.json()) as Record<string, string>
    }
    const refresh = async (url: string, refresh_token = '') => {
      const form = { ...CLIENT, grant_type: 'refresh_token', refresh_token }
      const answer = await fetch(`${url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
      return ((await answer.json()) as Record<string, string>)['error']
    }
    const userinfo = async (url: string, token = '') => {
      const answer = await fetch(`${url}/oauth/userinfo`, { headers: { authorization: `Bearer ${token}` } })
      return { status: answer.status, json: answer.ok ? ((await answer.json()) as Record<string, unknown>) : {} }
    }
    const assertEnds = async (side: string, url: string, tokens: Record<string, string>) => {
      await eventually(`${side} ends what it has issued`, async () => {
        return (await userinfo(url, tokens['access_token'])).status === 401
      })
      assert.equal(await refresh(url, tokens['refresh_token']), 'invalid_grant')
    }

    test('a change is visible at userinfo of both sides, with existing tokens', async () => {
      for (const [side, url] of Object.entries(sides())) {
        const { access_token } = await password(url, 'bob')
        assert.match(String((await userinfo(url, access_token)).json['groups']), /^staff/)
        const name = `Bob at ${side}`
        const changed = await admin('PUT', '2', { name, claims: { groups: ['staff', side] } })
        assert.equal(changed.status, 200)
        await eventually('the new name shows', async () => (await userinfo(url, access_token)).json['name'] === name)
        assert.deepEqual((await userinfo(url, access_token)).json['groups'], ['staff', side])
      }
    })

    test('blocking ends everything on both sides at once, and unblocking lets the user start again', async () => {
      const browser = await signedInBrowser(monolith.url)
      const { iam: there, monolith: here } = sides()
      const [onIam, own] = [await password(there), await password(here)]
      assert.equal((await admin('POST', '1/block')).status, 201)
      await assertEnds('the monolith', here, own)
      await assertEnds('IAM', there, onIam)
      for (const url of [there, here]) assert.equal((await password(url))['error'], 'invalid_grant')
      const home = await browser.visit(`${monolith.url}/-/profile`)
      assert.doesNotMatch(home.text, /Alice/)

      assert.equal((await admin('POST', '1/unblock')).status, 201)
      await assertEnds('IAM', there, onIam)
      await eventually('the user may begin again', async () => (await password(there))['access_token'] !== undefined)
      assert.notEqual((await password(here))['access_token'], undefined)
    })

    test('signing out everywhere, and a password change with that option, end existing credentials', async () => {
      for (const end of [
        () => admin('POST', '1/sign_out'),
        () => admin('PUT', '1', { password: 'alice-password', sign_out: true }),
      ]) {
        const { iam: there, monolith: here } = sides()
        const [onIam, own] = [await password(there), await password(here)]
        assert.ok((await end()).ok)
        await assertEnds('the monolith', here, own)
        await assertEnds('IAM', there, onIam)
        assert.notEqual((await password(there))['access_token'], undefined)
      }
    })

    test('the remembered grants of a user at IAM are deleted with the tokens, and no other user’s', async () => {
      const remembered = rememberedGrants(store.database, 'monolith')
      const grant = { client_id: 'web', client_name: 'Web', scope: 'api' }
      for (const end of ['1/sign_out', '1/block']) {
        for (const user of ['1', '2']) await remembered.add(user, grant)
        assert.equal((await remembered.list('1')).length, 1)
        assert.equal((await admin('POST', end)).status, 201)
        assert.deepEqual(await remembered.list('1'), [])
        assert.equal((await remembered.list('2')).length, 1)
      }
      assert.equal((await admin('POST', '1/unblock')).status, 201)
      const { iam: there } = sides()
      await eventually('the user may begin again', async () => (await password(there))['access_token'] !== undefined)
    })

    test('a user who is deleted while IAM is down has nothing left there as soon as it is back', async () => {
      const { iam: there, monolith: here } = sides()
      const [onIam, own] = [await password(there), await password(here)]
      await iam?.close()
      iam = undefined
      assert.equal((await admin('DELETE', '1')).status, 204)
      await assertEnds('the monolith', here, own)
      assert.equal((await admin('GET', '1')).status, 404)
      await openIam()
      await assertEnds('IAM', there, onIam)
      assert.equal((await password(there))['error'], 'invalid_grant')
    })

    test('the API requires its token, names invalid fields, and answers 404 for an unknown user', async () => {
      assert.equal((await admin('POST', '2/block', undefined, 'wrong')).status, 401)
      const refused = await admin('PUT', '2', { claims: { email_verified: 'yes' }, role: 'admin' })
      assert.equal(refused.status, 400)
      assert.match(await refused.text(), /claims\.email_verified: must be a boolean/)
      assert.equal((await admin('PUT', '99', { name: 'x' })).status, 404)
      assert.equal((await admin('POST', '99/block')).status, 404)
      assert.equal((await admin('PATCH', '2')).status, 405)
    })
  })
