import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ROUTING_FLAG, type RoutingContext } from '../../routing/index.ts'
import { StateCache } from '../state/state-cache.ts'
import { assume } from './assumption.ts'

class CountingCache extends StateCache {
  reads = 0
  override flagState(...of: Parameters<StateCache['flagState']>) {
    this.reads++
    return super.flagState(...of)
  }
}

const PRESENT: RoutingContext = {
  ...{ hasIam: true, brake: false, iamAvailable: true, unknownClientsToIam: false },
  lookUp: () => 'unknown_client',
}

test('an assumption reads a flag of thousands of actors once, however many clients are tried under it', () => {
  const state = {
    ...{ boolean: false, percentage_of_actors: 0, percentage_of_time: 0, feature_groups: [] },
    ...{ actors: ['Authn::OauthApplication:1'], opted_out: ['Authn::OauthApplication:3'] },
  }
  const world = {
    ...{ epoch: 'e', version: 1, stamp: 's', brakes: [] },
    applications: [1, 2, 3].map((id) => ({ id, client_id: `client-${id}`, version: 1, iam_version: 1 })),
    flags: [{ environment: 'dev' as const, name: ROUTING_FLAG, state, version: 1 }],
  }
  const cache = new CountingCache(world, { flags: new Map(), featureGroups: new Map(), iamByDefault: new Set() })
  cache.reads = 0
  const assumed = assume(cache, 'dev', { percentage_of_actors: 100 })
  const flags = [1, 2, 3].map((id) => {
    const client = assumed(PRESENT).lookUp(`client-${id}`)
    return typeof client === 'object' ? client.flag : client
  })
  assert.deepEqual(flags, ['on', 'on', 'off'])
  assert.equal(cache.reads, 1)
})
