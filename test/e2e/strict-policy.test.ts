import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { IAM_PREFIXES } from '../../src/credentials/index.ts'
import { Browser } from '../support/browser.ts'
import { eventually } from '../support/wait.ts'
import { type SeedClient, type Traveller, traveller } from './clients/journey.ts'
import { oauth4webapi } from './clients/oauth4webapi.ts'
import { openidClient } from './clients/openid-client.ts'
import { SEED, type System, startUp, untilReplicated } from './system.ts'

const seed = JSON.parse(readFileSync(SEED, 'utf8')) as { clients: Record<string, SeedClient> }

describe('handover up --policy strict', () => {
  let system: System
  before(async () => {
    system = await startUp('--seed', SEED, '--policy', 'strict')
    await untilReplicated(system, Object.keys(seed.clients).length)
  })
  after(() => system?.stop())

  const roundTrip = async (client: Traveller) => {
    const tokens = await client.signIn(new Browser())
    const renewed = await client.refresh(tokens)
    assert.equal((await client.userinfo(renewed))['nickname'], 'alice')
    await client.revoke(renewed)
    assert.equal(await client.introspect(renewed.access), false)
    return tokens.access.startsWith(IAM_PREFIXES.access_token)
  }

  for (const [key, library] of [
    ['conf', openidClient],
    ['public', oauth4webapi],
  ] as const) {
    test(`a current ${key} client that requires iss works on both sides`, async () => {
      const application = seed.clients[key] as SeedClient
      const discovered = await fetch(`${system.issuer}/.well-known/openid-configuration`)
      const { authorization_response_iss_parameter_supported } = (await discovered.json()) as Record<string, unknown>
      assert.equal(authorization_response_iss_parameter_supported, true)
      const client = await traveller(library, system.issuer, application, {
        authorization_response_iss_parameter_supported,
      })
      assert.equal(await roundTrip(client), false)
      const flag = ['flag', 'set', 'proxy_oauth_requests_to_iam_service', 'true']
      const set = await system.handover(...flag, `--oauth-application=${application.id}`)
      assert.equal(set.code, 0, set.stderr)
      await eventually('the application is on IAM', async () => (await roundTrip(client)) || undefined)
    })
  }
})
