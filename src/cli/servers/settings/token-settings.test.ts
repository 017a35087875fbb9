import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import type { Application } from '../../../applications/index.ts'
import { loadSettings, type Settings } from '../../../config/index.ts'
import { AUTH_TOKEN_HEADER, INTERNAL_PATHS } from '../../../handoff/index.ts'
import { startIam } from '../../../iam/index.ts'
import { startMonolith } from '../../../monolith/index.ts'
import { silentLog } from '../../../observability/index.ts'
import { tokenSettings } from './token-settings.ts'

const LOCAL = { host: '127.0.0.1', port: 0 }
const ISSUER = 'https://platform.example'
const INTERNAL = 'internal-token-of-the-tests'
const SECRET = 'secret-of-the-tests'
const OPTIONS = [
  ...['--issuer', ISSUER, '--data-dir', 'unused', '--default-scope', 'read', '--optional-scope', 'openid'],
  ...['--optional-scope', 'write', '--dynamic-scope', 'project:*', '--access-token-seconds', '90'],
  ...['--device-code-seconds', '77', '--device-poll-seconds', '9', '--realm', 'Platform'],
]
/** The second application may have a scope that the server does not know. */
const applications = [
  { id: 1, uid: 'open', scopes: '' },
  { id: 2, uid: 'limited', scopes: 'write legacy' },
]

const [engine] = testDatabases()
assert.ok(engine)

describe('the scopes, lifetimes and realm that an operator configures', () => {
  let store: TestDatabase
  const urls: Record<string, string> = {}
  const closing: Array<() => Promise<void>> = []
  before(async () => {
    store = await engine.open()
    const optionsOf = (section: 'iam' | 'monolith') =>
      tokenSettings(loadSettings(section, { args: OPTIONS, env: {} }) as Settings<'iam' | 'monolith'>)
    const common = { listen: LOCAL, issuer: ISSUER, database: store.database }
    const secrets = { internalToken: INTERNAL, verifierKey: Buffer.alloc(32, 1) }
    const iam = await startIam({ ...common, ...secrets, internalListen: LOCAL, protocol: optionsOf('iam') }, silentLog)
    closing.push(() => iam.close())
    for (const { id, uid, scopes } of applications) {
      const application: Application = {
        ...{ id, client_id: uid, name: uid, secret_digest: createHash('sha512').update(SECRET).digest('hex') },
        ...{ redirect_uris: ['https://client.example/callback'], confidential: true, trusted: false, version: 1 },
        scopes: scopes.split(' ').filter((scope) => scope !== ''),
      }
      const headers = { [AUTH_TOKEN_HEADER]: INTERNAL, 'content-type': 'application/json' }
      const body = JSON.stringify(application)
      const answer = await fetch(iam.internalUrl + INTERNAL_PATHS.clients, { method: 'PUT', headers, body })
      assert.equal(answer.status, 200)
    }
    const clients = applications.map((one) => {
      const redirect_uris = ['https://client.example/callback']
      return [one.uid, { ...one, name: one.uid, secret: SECRET, confidential: true, trusted: false, redirect_uris }]
    })
    const seed = { users: [], clients: Object.fromEntries(clients) }
    const monolith = await startMonolith({ ...common, tokens: optionsOf('monolith'), seed }, silentLog)
    closing.push(() => monolith.close())
    Object.assign(urls, { monolith: monolith.url, iam: iam.url })
  })
  after(async () => {
    for (const close of closing) await close()
    await store?.close()
  })

  for (const side of ['monolith', 'iam']) {
    const post = async (path: string, client: string, form: Record<string, string> = {}) => {
      const body = new URLSearchParams({ client_id: client, client_secret: SECRET, ...form })
      const answer = await fetch(`${urls[side]}/oauth/${path}`, { method: 'POST', body })
      return {
        ...answer,
        headers: answer.headers,
        status: answer.status,
        json: (await answer.json()) as Record<string, unknown>,
      }
    }
    const token = async (client: string, scope?: string) =>
      (await post('token', client, { grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) }))
        .json

    test(`appear in the tokens, device codes and discovery document of the ${side}`, async () => {
      const issued = await token('open')
      assert.deepEqual([issued['scope'], issued['expires_in']], ['read', 90])
      const { json } = await post('introspect', 'open', { token: String(issued['access_token']) })
      assert.equal(Number(json['exp']) - Number(json['iat']), 90)
      const device = await post('authorize_device', 'open')
      assert.deepEqual([device.json['expires_in'], device.json['interval']], [77, 9])
      const discovery = await fetch(`${urls[side]}/.well-known/openid-configuration`)
      const { scopes_supported } = (await discovery.json()) as Record<string, unknown>
      assert.deepEqual(scopes_supported, ['read', 'openid', 'write'])
      const { headers } = await post('token', 'nobody', { grant_type: 'client_credentials' })
      assert.match(headers.get('www-authenticate') ?? '', /^Bearer realm="Platform", error="invalid_client"/)
    })

    test(`limit what clients of the ${side} may request; an application's own scopes take precedence, as with Doorkeeper`, async () => {
      assert.equal((await token('open', 'write project:7'))['scope'], 'write project:7')
      assert.equal((await token('open', 'api'))['error'], 'invalid_scope')
      assert.equal((await token('open', 'legacy'))['error'], 'invalid_scope')
      assert.equal((await token('limited', 'legacy'))['scope'], 'legacy')
      assert.equal((await token('limited', 'read'))['error'], 'invalid_scope')
    })
  }
})
