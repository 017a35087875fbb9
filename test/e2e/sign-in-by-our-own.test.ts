import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Browser, type Page } from '../support/browser.ts'
import { startTestControlPlane, type TestControlPlane } from '../support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../support/database.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { SEED, type System, startUp, untilReplicated } from './system.ts'

const REDIRECT = 'https://handover.example/sign-in/oidc/callback'
const CLIENT_ID = 'c0ffee'.padEnd(64, '0')
const SECRET = `gloas-${'5ec2e7'.padEnd(64, '0')}`

describe('users sign in to the control plane through the platform itself', () => {
  const scratch = scratchDirectory('own-provider')
  let system: System
  let store: TestDatabase
  let plane: TestControlPlane
  before(async () => {
    const seed = JSON.parse(readFileSync(SEED, 'utf8'))
    seed.clients.handover = {
      ...{ id: 900, name: 'Handover', uid: CLIENT_ID, secret: SECRET, confidential: true, trusted: false },
      ...{ scopes: 'openid email', redirect_uris: [REDIRECT] },
    }
    // An address only counts when the platform has verified it.
    for (const user of seed.users) user.claims = { email_verified: true }
    const file = join(scratch.path, 'seed.json')
    writeFileSync(file, JSON.stringify(seed))
    system = await startUp('--no-demo', '--seed', file)
    await untilReplicated(system, Object.keys(seed.clients).length)
    store = await (testDatabases()[0] ?? assert.fail('no store')).open()
    plane = await startTestControlPlane(store.database, {
      access: {
        oidc: {
          ...{ issuer: system.issuer, endpointOrigin: system.issuer, clientId: CLIENT_ID, clientSecret: SECRET },
          ...{ redirectUrl: REDIRECT, scopes: ['openid', 'email'] },
          mapping: {
            claim: 'email',
            rules: [{ value: 'alice@example.test', role: 'operator', environments: ['dev'] }],
          },
        },
      },
    })
  })
  after(async () => {
    await plane?.close()
    await store?.close()
    await system?.stop()
    scratch.remove()
  })

  /** Completes sign-in and consent when they appear, until the browser is sent back to the control plane. */
  async function comeBack(browser: Browser, login: string, password: string): Promise<Page> {
    let page = await browser.follow(await browser.visit(`${plane.url}/sign-in/oidc`), REDIRECT)
    for (let forms = 0; forms < 4 && page.location === undefined; forms++) {
      const [form] = page.forms
      assert.ok(form, page.text.slice(0, 300))
      const isSignIn = form.fields.some(([name]) => name === 'user[login]')
      page = await browser.submit(form, isSignIn ? { 'user[login]': login, 'user[password]': password } : {}, REDIRECT)
    }
    assert.ok(page.location, page.text.slice(0, 300))
    return browser.open(`${plane.url}${new URL(REDIRECT).pathname}${page.location.search}`)
  }

  for (const [side, value] of [
    ['the monolith', 'false'],
    ['our IAM', 'true'],
  ] as const) {
    test(`with ${side} as the provider, a known address has its role and an unknown one has none`, async () => {
      const flag = ['flag', 'set', 'proxy_oauth_requests_to_iam_service', value, '--oauth-application=900']
      assert.equal((await system.handover(...flag)).code, 0)
      const alice = await comeBack(new Browser(), 'alice', 'alice-password-1')
      assert.match(alice.text, /Signed in as <strong>alice@example.test<\/strong>, operator of dev/)
      const bob = await comeBack(new Browser(), 'bob', 'bob-password-2')
      assert.deepEqual([bob.status, /have no role in Handover/.test(bob.text)], [403, true])
    })
  }
})
