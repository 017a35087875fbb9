import assert from 'node:assert/strict'
import { test } from 'node:test'
import { presetPolicy } from '../applications/index.ts'
import { createClientDirectory } from './client-directory.ts'
import { applicationOf, clients } from './testing/seed.ts'

test('the policy of a client is decided when it is loaded, not when it is found again', async () => {
  let decided = 0
  const find = async () => applicationOf('conf')
  const directory = createClientDirectory({ find, findById: find }, () => {
    decided++
    return presetPolicy('strict')
  })
  const found = []
  for (let at = 0; at < 100; at++) found.push(await directory.find(clients.conf.uid))
  assert.equal(decided, 1)
  assert.equal(new Set(found).size, 1, 'the very same client each time')
  assert.equal(found[0]?.policy.require_pkce, 'all')
  directory.forget(clients.conf.uid)
  await directory.find(clients.conf.uid)
  assert.equal(decided, 2)
})
