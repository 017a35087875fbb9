import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Application, actorOf, applicationSchema } from './index.ts'

const application: Application = {
  id: 42,
  client_id: 'a'.repeat(64),
  name: 'App',
  secret_digest: 'f'.repeat(128),
  redirect_uris: ['https://app.test/callback'],
  scopes: [],
  confidential: true,
  trusted: false,
  version: 1,
}

test('the flag actor of an application consists of its type and its numeric id', () => {
  assert.equal(actorOf(application), 'Authn::OauthApplication:42')
})

const refused: Array<[string, object]> = [
  ['a plain secret in place of its digest', { secret_digest: 'gloas-secret' }],
  ['a digest in capitals', { secret_digest: 'F'.repeat(128) }],
  ['an id of zero', { id: 0 }],
  ['a client_id over 255 characters', { client_id: 'x'.repeat(256) }],
  ['an empty redirect URI', { redirect_uris: [''] }],
  ['a version that is no whole number', { version: 1.5 }],
  ['a member nobody knows', { secret: 'x' }],
]
for (const [what, over] of refused) {
  test(`a document with ${what} is rejected`, () => {
    assert.equal(applicationSchema.safeParse({ ...application, ...over }).success, false)
  })
}

test('a complete document is accepted, with or without a secret', () => {
  assert.deepEqual(applicationSchema.parse(application), application)
  assert.equal(applicationSchema.parse({ ...application, secret_digest: null }).secret_digest, null)
})
