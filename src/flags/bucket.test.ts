import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketOf, isWithin } from './bucket.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

test('the buckets are the same as in Flipper for the same flag and actors', () => {
  const vectors = { 1: 90.536, 2: 47.698, 3: 35.172, 4: 57.447, 5: 47.025, 6: 8.331, 7: 12.637, 8: 6.06 }
  for (const [id, percentage] of Object.entries(vectors)) {
    assert.equal(bucketOf(FLAG, `Authn::OauthApplication:${id}`), Math.round(percentage * 1_000), `application ${id}`)
  }
})

test('a bucket is within a percentage that is above it, and not within one that equals it', () => {
  assert.equal(isWithin(8_331, 8.331), false)
  assert.equal(isWithin(8_331, 8.332), true)
  assert.equal(isWithin(0, 0), false)
  assert.equal(isWithin(0, 0.001), true)
  assert.equal(isWithin(99_999, 100), true)
})

test('a different flag puts the same actors into different buckets', () => {
  assert.notEqual(bucketOf('another_flag', 'Authn::OauthApplication:1'), bucketOf(FLAG, 'Authn::OauthApplication:1'))
})
