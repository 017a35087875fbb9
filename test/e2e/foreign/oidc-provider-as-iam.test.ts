import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import type { RunningMonolith } from '../../../src/monolith/index.ts'
import { Browser } from '../../support/browser.ts'
import { type TestDatabase, testDatabases } from '../../support/database.ts'
import { SEED, startPlatform } from '../../support/monolith-platform.ts'
import { freePorts } from '../../support/ports.ts'
import { eventually } from '../../support/wait.ts'
import type { Client } from '../clients/client.ts'
import { openidClient } from '../clients/openid-client.ts'
import { type ForeignServer, OIDC_PROVIDER_PAGES, OIDC_PROVIDER_PATHS, startOidcProvider, WEB } from './oidc-server.ts'
import { walkFlows } from './walk-flows.ts'
import { clickThrough, openWorld, type World } from './world.ts'

const probe = { clientId: WEB.clientId, secret: WEB.secret, scope: 'read_user' }
const hasRedis = spawnSync('redis-server', ['--version']).status === 0

for (const count of [1, 2]) {
  const skip = count === 1 || hasRedis || process.env['CI'] ? false : 'redis-server is not installed'
  describe(`oidc-provider as IAM, the monolith as legacy, ${count} gateways, and a flag that flips at every evaluation`, {
    skip,
  }, () => {
    let store: TestDatabase
    let legacy: RunningMonolith
    let iam: ForeignServer
    let world: World
    let client: Client
    let issuer = ''
    let stopRedis = async () => {}

    before(async () => {
      const [port = 0, redisPort = 0] = await freePorts(2)
      issuer = `http://127.0.0.1:${port}`
      store = await (testDatabases().at(-1) ?? assert.fail()).open()
      const web = { id: WEB.id, name: 'Web', uid: WEB.clientId, secret: WEB.secret, confidential: true, trusted: false }
      const scopes = 'openid profile email read_user'
      const seed = { ...SEED, clients: { web: { ...web, scopes, redirect_uris: [WEB.redirectUri] } } }
      legacy = await startPlatform(store.database, { issuer, seed })
      iam = await startOidcProvider(issuer)
      world = await openWorld(port)
      if (count > 1) stopRedis = await startRedis(redisPort)
      await world.start(count, {
        legacyUrl: legacy.url,
        iamUrl: iam.url,
        isIamUnmarked: true,
        iamPaths: OIDC_PROVIDER_PATHS,
        iamPages: OIDC_PROVIDER_PAGES,
        renamesIamCookies: true,
        markCheck: { legacy: probe, iam: probe, everyMs: 600_000 },
        ledger: count > 1 ? { url: `redis://127.0.0.1:${redisPort}` } : {},
      })
      const registration = { issuer, clientId: WEB.clientId, secret: WEB.secret, redirectUri: WEB.redirectUri }
      client = await openidClient.connect({ ...registration, authentication: 'client_secret_post' })
    })
    after(async () => {
      await world?.close()
      await Promise.all([iam?.close(), legacy?.close(), stopRedis()])
      await store?.close()
    })

    walkFlows(() => ({ world, client, userinfo: { rails: `${legacy.url}/oauth/userinfo`, iam: `${iam.url}/me` } }))

    for (const side of ['iam', 'rails'] as const) {
      test(`a code of ${side} received by form_post is redeemed there`, async () => {
        world.next = side
        const query = new URLSearchParams({
          client_id: WEB.clientId,
          redirect_uri: WEB.redirectUri,
          response_type: 'code',
          response_mode: 'form_post',
          scope: 'openid',
          state: 'a-state',
        })
        const page = await clickThrough(new Browser(), `${issuer}/oauth/authorize?${query}`, WEB.redirectUri)
        const posted = page.forms[0]?.fields.find(([name]) => name === 'code')?.[1]
        // Doorkeeper's consent form loses the response mode (recordings C004, C005).
        const code = side === 'iam' ? posted : page.location?.searchParams.get('code')
        assert.ok(code)
        const answer = await fetch(`${issuer}/oauth/token`, {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'authorization_code',
            code,
            redirect_uri: WEB.redirectUri,
            client_id: WEB.clientId,
            client_secret: WEB.secret,
          }),
        })
        assert.equal(answer.status, 200, await answer.clone().text())
      })
    }

    test('a device that IAM has approved on its own page gets a token of IAM', async () => {
      world.next = 'iam'
      const tokens = await client.device?.(async (userCode) => {
        const done = clickThrough(
          new Browser(),
          `${issuer}/device?user_code=${userCode}`,
          'no client has the last page',
        )
        await assert.rejects(done, /stuck at \/device\/[\w-]+ \(200\)/, 'the page that says so has no form')
      })
      assert.equal(tokens?.subject, '1')
      assert.equal((await client.refresh?.(tokens ?? assert.fail()))?.subject, '1')
    })

    test('fresh tokens of both are checked against the marks', async () => {
      assert.deepEqual(await world.marks(), Array(count).fill({ rails: 'agrees', iam: 'agrees' }))
    })

    test('no cookie of one side reaches the other, and none of IAM keeps its original name', async () => {
      world.next = 'iam'
      const browser = new Browser()
      const query = new URLSearchParams({
        client_id: WEB.clientId,
        redirect_uri: WEB.redirectUri,
        response_type: 'code',
        scope: 'openid',
      })
      const page = await browser.open(`${issuer}/oauth/authorize?${query}`)
      assert.match(page.url.pathname, /^\/interaction\//)
      const names = browser.cookieNames(page.url)
      assert.ok(names.includes('_iam__interaction') && names.includes('_iam__interaction.sig'), names.join())
      assert.ok(
        names.every((name) => name.startsWith('_iam_')),
        names.join(),
      )
    })

    test('the flag is evaluated for new flows only', () => {
      assert.ok(world.questions > 0 && world.questions <= 16, `${world.questions}`)
    })
  })
}

async function startRedis(port: number): Promise<() => Promise<void>> {
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', '/tmp'])
  child.stdout.resume()
  await eventually('redis answers', () => spawnSync('redis-cli', ['-p', String(port), 'ping']).status === 0)
  return async () => {
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    await ended
  }
}
