import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { migrate } from '../../storage/index.ts'
import { isVerifierRight } from '../model/pkce.ts'
import { digestOf } from './digest.ts'
import { createGrantStore } from './grants.ts'
import { authorizationMigrations, SEALED_NONCES } from './migrations.ts'

const VERIFIER = 'verifier-that-is-its-own-challenge'
const FAMILY = '5f0c6f6e-6f6d-4c9c-9d0e-0f9f7a1c2b3d'
const grant = {
  ...{ applicationId: 1, subject: '1', scopes: 'openid', redirectUri: 'https://client.example.test/callback' },
  ...{ codeChallenge: VERIFIER, codeChallengeMethod: 'plain', nonce: 'n-1' },
  ...{ familyId: FAMILY, createdAt: Date.now(), expiresIn: 600 },
}

for (const engine of testDatabases()) {
  describe(`authorization codes with replicas of the previous version, on ${engine.kind}`, () => {
    let store: TestDatabase
    before(async () => {
      store = await engine.open()
      // As after an upgrade: the schema is older than the migration that has just run.
      await migrate(store.database, 'upgraded', authorizationMigrations)
      await store.database.query(
        `update upgraded.migrations set timestamp = '2026-01-01T00:00:00.000Z' where name < '${SEALED_NONCES}'`,
      )
    })
    after(() => store.close())

    test('a code stored by an older replica is redeemed here', async () => {
      const code = 'code of an older replica'
      const columns = 'code_hash, application_id, subject, scopes, redirect_uri, code_challenge, code_challenge_method'
      await store.database.query(
        {
          name: 'an_older_insert',
          text: `insert into upgraded.grants (${columns}, nonce, family_id, created_at, expires_in)
values ($1, 1, '1', 'openid', 'https://client.example.test/callback', $2, 'plain', 'n-1', '${FAMILY}', now(), 600)`,
        },
        [digestOf(code), VERIFIER],
      )
      const found = await createGrantStore(store.database, 'upgraded').find(code)
      assert.equal(found?.nonce, 'n-1')
      assert.equal(isVerifierRight(VERIFIER, found?.codeChallenge ?? '', found?.codeChallengeMethod ?? ''), true)
      assert.equal(isVerifierRight('another', found?.codeChallenge ?? '', found?.codeChallengeMethod ?? ''), false)
    })

    test('a code stored here is redeemed by an older replica until the migration is a day old', async () => {
      const { database } = store
      const grants = createGrantStore(database, 'upgraded')
      await grants.insert('first code', grant)
      const olderRead = `select nonce, code_challenge as challenge, code_challenge_method as method from upgraded.grants
where code_hash = sha256('first code')`
      const [row] = await database.query<{ nonce: string; challenge: string; method: string }>(olderRead)
      assert.equal(row?.nonce, 'n-1')
      assert.equal(isVerifierRight(VERIFIER, row?.challenge ?? '', row?.method ?? ''), true)
      assert.notEqual(row?.challenge, VERIFIER)

      const dayAgo = new Date(Date.now() - 25 * 3_600_000).toISOString()
      await database.query(`update upgraded.migrations set timestamp = '${dayAgo}' where name = '${SEALED_NONCES}'`)
      await grants.insert('second code', grant)
      const [later] = await database.query<{ nonce: string | null }>(olderRead.replace('first', 'second'))
      assert.equal(later?.nonce, null)
      for (const code of ['first code', 'second code']) assert.equal((await grants.find(code))?.nonce, 'n-1')
    })
  })
}
