import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { presetPolicy } from '../../applications/index.ts'
import { applicationOf, clients } from '../testing/seed.ts'
import { createClientDirectory } from './client-directory.ts'

test('a client’s policy is computed when the client is loaded, not when it is found again', async () => {
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

test('a clock set back by five minutes does not extend the cache of a client that was withdrawn elsewhere', async () => {
  let asked = 0
  const find = async () => {
    asked++
    return applicationOf('conf')
  }
  const directory = createClientDirectory({ find, findById: find }, () => presetPolicy('strict'))
  await directory.find(clients.conf.uid)
  const wall = Date.now
  const back = mock.method(Date, 'now', () => wall() - 300_000)
  try {
    await sleep(1_550)
    await directory.find(clients.conf.uid)
  } finally {
    back.mock.restore()
  }
  assert.equal(asked, 2, 'asked of the store again')
})
