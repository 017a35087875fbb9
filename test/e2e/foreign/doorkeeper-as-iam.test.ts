import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findDoorkeeper } from '../../../scripts/test-parts.ts'
import type { RunningMonolith, SeedDocument } from '../../../src/monolith/index.ts'
import { Browser } from '../../support/browser.ts'
import { type TestDatabase, testDatabases } from '../../support/database.ts'
import { SEED, startPlatform } from '../../support/monolith-platform.ts'
import { freePorts } from '../../support/ports.ts'
import { ROOT, startProgram } from '../../support/program.ts'
import { scratchDirectory } from '../../support/scratch.ts'
import { untilReady } from '../../support/wait.ts'
import type { Client } from '../clients/client.ts'
import { openidClient } from '../clients/openid-client.ts'
import { mountUnder } from './mounted.ts'
import { type ForeignServer, WEB } from './oidc-server.ts'
import { walkFlows } from './walk-flows.ts'
import { openWorld, type World } from './world.ts'

const web = { id: WEB.id, name: 'Web', uid: WEB.clientId, secret: WEB.secret, confidential: true, trusted: false }
const scopes = 'openid profile email read_user'
const seed: SeedDocument = { ...SEED, clients: { web: { ...web, scopes, redirect_uris: [WEB.redirectUri] } } }

/** Starts the Doorkeeper that acts as IAM. */
type StartOther = (issuer: string, store: TestDatabase) => Promise<ForeignServer>

const ours: StartOther = (issuer, { database }) => startPlatform(database, { issuer, seed, schema: 'other' })

const onRails: StartOther = async (issuer) => {
  const [port = 0] = await freePorts(1)
  const scratch = scratchDirectory('foreign-rails')
  const file = join(scratch.path, 'seed.json')
  writeFileSync(file, JSON.stringify(seed))
  const env = { PORT: String(port), ISSUER: issuer, STATE_DIR: join(scratch.path, 'state'), SEED: file }
  const program = await startProgram({ command: join(ROOT, 'examples', 'doorkeeper', 'run.sh'), args: [], env })
  const close = async () => {
    await program.stop()
    scratch.remove()
  }
  const url = `http://127.0.0.1:${port}`
  try {
    await untilReady(`${url}/readyz`)
    return { url, close }
  } catch (error) {
    await close()
    throw error
  }
}

const isMissing = findDoorkeeper() === undefined && !process.env['CI']
const others: Array<[name: string, start: StartOther, skip: string | false]> = [
  ['of ours', ours, false],
  ['on Rails', onRails, isMissing ? 'ruby-doorkeeper is not installed' : false],
]

for (const [name, startOther, skip] of others) {
  const title = `a Doorkeeper ${name} as IAM, with pages, users and a path of its own; the flag flips at every look`
  describe(title, { skip }, () => {
    let store: TestDatabase
    let legacy: RunningMonolith
    let other: ForeignServer
    let mounted: ForeignServer
    let world: World
    let client: Client
    let issuer = ''

    before(async () => {
      const [port = 0] = await freePorts(1)
      issuer = `http://127.0.0.1:${port}`
      store = await (testDatabases().at(-1) ?? assert.fail()).open()
      legacy = await startPlatform(store.database, { issuer, seed, schema: 'legacy' })
      other = await startOther(issuer, store)
      mounted = await mountUnder('/other', other.url)
      world = await openWorld(port)
      await world.start(1, {
        legacyUrl: legacy.url,
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
      await Promise.all([legacy?.close(), other?.close()])
      await store?.close()
    })

    walkFlows(() => {
      return { world, client, userinfo: { rails: `${legacy.url}/oauth/userinfo`, iam: `${other.url}/oauth/userinfo` } }
    })

    test('the cookies of both exist side by side', async () => {
      const browser = new Browser()
      for (const path of ['/users/sign_in', '/other/users/sign_in']) await browser.open(issuer + path)
      const names = browser.cookieNames(`${issuer}/`)
      const [own, renamed] = [false, true].map((isIam) => names.filter((one) => one.startsWith('_iam_') === isIam))
      assert.ok(own?.length && renamed?.length, names.join())
    })
  })
}
