import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { RunningMonolith } from '../../../src/monolith/index.ts'
import { Browser } from '../../support/browser.ts'
import { type TestDatabase, testDatabases } from '../../support/database.ts'
import { SEED, startPlatform } from '../../support/monolith-platform.ts'
import { freePorts } from '../../support/ports.ts'
import type { Client } from '../clients/client.ts'
import { openidClient } from '../clients/openid-client.ts'
import { mountUnder } from './mounted.ts'
import { type ForeignServer, WEB } from './oidc-server.ts'
import { walkFlows } from './walk-flows.ts'
import { openWorld, type World } from './world.ts'

describe('another Doorkeeper as IAM, with pages, users and a path of its own; the flag flips at every look', () => {
  let store: TestDatabase
  let sides: RunningMonolith[] = []
  let mounted: ForeignServer
  let world: World
  let client: Client
  let issuer = ''

  before(async () => {
    const [port = 0] = await freePorts(1)
    issuer = `http://127.0.0.1:${port}`
    store = await (testDatabases().at(-1) ?? assert.fail()).open()
    const web = { id: WEB.id, name: 'Web', uid: WEB.clientId, secret: WEB.secret, confidential: true, trusted: false }
    const scopes = 'openid profile email read_user'
    const seed = { ...SEED, clients: { web: { ...web, scopes, redirect_uris: [WEB.redirectUri] } } }
    for (const schema of ['legacy', 'other']) {
      sides.push(await startPlatform(store.database, { issuer, seed, schema }))
    }
    mounted = await mountUnder('/other', sides[1]?.url ?? '')
    world = await openWorld(port)
    await world.start(1, {
      legacyUrl: sides[0]?.url ?? '',
      iamUrl: mounted.url,
      isIamUnmarked: true,
      marksIamFlows: true,
      iamPaths: {
        authorize: '/other/oauth/authorize',
        token: '/other/oauth/token',
        revoke: '/other/oauth/revoke',
        introspect: '/other/oauth/introspect',
        userinfo: '/other/oauth/userinfo',
        jwks: '/other/oauth/discovery/keys',
      },
      iamPages: ['/other'],
      renamesIamCookies: true,
    })
    const registration = { issuer, clientId: WEB.clientId, secret: WEB.secret, redirectUri: WEB.redirectUri }
    client = await openidClient.connect({ ...registration, authentication: 'client_secret_post' })
  })
  after(async () => {
    await world?.close()
    await mounted?.close()
    await Promise.all(sides.map((side) => side.close()))
    sides = []
    await store?.close()
  })

  walkFlows(() => {
    const [rails = '', iam = ''] = sides.map(({ url }) => `${url}/oauth/userinfo`)
    return { world, client, userinfo: { rails, iam } }
  })

  test('cookies of the same name live side by side', async () => {
    const browser = new Browser()
    for (const path of ['/users/sign_in', '/other/users/sign_in']) await browser.open(issuer + path)
    const names = browser.cookieNames(`${issuer}/`)
    const own = names.filter((name) => !name.startsWith('_iam_'))
    assert.ok(own.length > 0)
    for (const name of own) assert.ok(names.includes(`_iam_${name}`), names.join())
  })
})
