import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { IAM_PREFIXES } from '../../src/credentials/index.ts'
import type { Client, Tokens } from '../../test/e2e/clients/client.ts'
import type { SeedClient } from '../../test/e2e/clients/journey.ts'
import { simpleOauth2 } from '../../test/e2e/clients/simple-oauth2.ts'
import { walkThroughPages } from '../../test/e2e/clients/user.ts'
import { SEED, type System, startParts } from '../../test/e2e/system.ts'
import { Browser } from '../../test/support/browser.ts'
import { createServerDatabase } from '../../test/support/database.ts'
import { freePorts } from '../../test/support/ports.ts'
import { type Program, startHandover } from '../../test/support/program.ts'
import { eventually, untilReady } from '../../test/support/wait.ts'
import { recipes, untilProxying } from './proxies.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const server = process.env['HANDOVER_TEST_DATABASE_URL']
const seed = JSON.parse(readFileSync(SEED, 'utf8')) as { clients: Record<string, SeedClient> }
const moved = Object.values(seed.clients).find(({ confidential }) => confidential)

const isOfIam = ({ access }: Tokens) => access.startsWith(IAM_PREFIXES.access_token)

describe('a real monolith and IAM behind other proxies', {
  skip: server === undefined && 'there is no server to test with',
}, () => {
  let remove: () => Promise<void>
  let system: System
  let gateway: Program
  let gatewayPort = 0
  let client: Client

  before(async () => {
    const created = await createServerDatabase(server ?? '')
    remove = created.remove
    system = await startParts(created.url)
    // The proxies take the gateway's place; one that passes forms on has the gateway behind it.
    await system.programs.at(-1)?.stop()
    const [port = 0, admin = 0] = await freePorts(2)
    gatewayPort = port
    const file = (name: string) => join(system.dataDir, name)
    gateway = await startHandover([
      ...['gateway', '--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${admin}`, '--workers', '1'],
      ...['--legacy-url', system.monolithUrl, '--iam-url', system.iamUrl, '--control-url', system.controlUrl],
      ...['--control-token-file', file('gateway-token'), '--verifier-key-file', file('verifier-key')],
      ...['--trusted-proxy', '127.0.0.1', '--data-dir', file('gateway')],
    ])
    await untilReady(`http://127.0.0.1:${admin}/readyz`)
    assert.ok(moved)
    client = await simpleOauth2.connect({
      issuer: system.issuer,
      clientId: moved.uid,
      secret: moved.secret,
      authentication: 'client_secret_post',
      redirectUri: moved.redirect_uris[0] ?? '',
    })
  })
  after(async () => {
    await gateway?.stop()
    await system?.stop()
    await remove?.()
  })

  const signIn = (): Promise<Tokens> => {
    const browser = new Browser()
    return client.code((address, back) => walkThroughPages(browser, address, back), { pkce: true })
  }
  const setFlag = async (value: 'true' | 'false') => {
    const set = await system.handover('flag', 'set', FLAG, value, `--oauth-application=${moved?.id}`)
    assert.equal(set.code, 0, `${set.stdout}${set.stderr}`)
  }

  for (const recipe of recipes) {
    const skip = recipe.program === undefined && `${recipe.name} is not installed`
    test(`sign-ins move and come back through ${recipe.name}, and refresh tokens stay on their side`, {
      skip,
    }, async () => {
      const [standIn = 0] = await freePorts(1)
      const port = Number(new URL(system.issuer).port)
      const proxy = await recipe.start({
        ...{ scratch: system.dataDir, port, standIn: `127.0.0.1:${standIn}`, gateway: `127.0.0.1:${gatewayPort}` },
        ...{ legacy: new URL(system.monolithUrl).host, iam: new URL(system.iamUrl).host },
        control: new URL(system.controlUrl).host,
        token: readFileSync(join(system.dataDir, 'gateway-token'), 'utf8').trim(),
      })
      try {
        await untilProxying(port, proxy)
        const onLegacy = await signIn()
        assert.equal(isOfIam(onLegacy), false)
        await setFlag('true')
        const onIam = await eventually('a sign-in on IAM', async () => {
          const tokens = await signIn()
          return isOfIam(tokens) ? tokens : undefined
        })
        const renewed = (await client.refresh?.(onIam)) ?? onLegacy
        assert.equal(isOfIam(renewed), true)
        assert.equal(isOfIam((await client.refresh?.(onLegacy)) ?? onIam), false)
        await setFlag('false')
        await eventually('a sign-in on the monolith', async () => !isOfIam(await signIn()))
        assert.equal(isOfIam((await client.refresh?.(renewed)) ?? onLegacy), true)
      } finally {
        await proxy.stop()
      }
    })
  }
})
