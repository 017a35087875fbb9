import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { storedRequests } from './stored-requests.ts'

const KEY = Buffer.alloc(32, 3)
const request = { client_id: 'web', state: 'a-state', nonce: 'a-nonce' }
const packed = JSON.stringify(request)

describe('the stored request of a challenge', () => {
  test('is encrypted once every replica can read that, and JSON until then; both can be read', async () => {
    let mayBeSealed = false
    const requests = storedRequests(KEY, async () => mayBeSealed)
    const asJson = await requests.toStore('login', packed)
    mayBeSealed = true
    const sealed = await requests.toStore('login', packed)
    assert.equal(asJson, packed)
    assert.doesNotMatch(sealed, /a-state|a-nonce|\{/)
    for (const stored of [asJson, sealed]) assert.deepEqual(requests.fromStore('login', stored), request)
  })

  test('can be decrypted only with its key and as its kind', async () => {
    const sealed = await storedRequests(KEY, async () => true).toStore('login', packed)
    assert.equal(storedRequests(KEY, async () => true).fromStore('consent', sealed), undefined)
    assert.equal(storedRequests(Buffer.alloc(32, 4), async () => true).fromStore('login', sealed), undefined)
  })
})
