import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { migrate } from '../../storage/index.ts'
import { applicationOf } from '../testing/seed.ts'
import type { ApplicationStore } from './applications.ts'
import { createApplicationStore } from './applications.ts'
import { authorizationMigrations } from './migrations.ts'

for (const engine of testDatabases()) {
  describe(`the policy of a stored application, on ${engine.kind}`, () => {
    let store: TestDatabase
    let applications: ApplicationStore
    before(async () => {
      store = await engine.open()
      await migrate(store.database, 'held', authorizationMigrations)
      applications = createApplicationStore(store.database, 'held', () => {})
    })
    after(() => store.close())
    const documentOf = (id: number, version = 1) => ({ ...applicationOf('conf', version), id, client_id: `app-${id}` })

    it('is returned as stored, and is removed when it is withdrawn', async () => {
      const policy = { preset: 'strict', require_pkce: 'public' } as const
      await applications.upsert({ ...documentOf(101), policy })
      assert.deepEqual(await applications.find('app-101'), { ...documentOf(101), policy })
      assert.deepEqual(await applications.findById(101), { ...documentOf(101), policy })
      await applications.upsert(documentOf(101, 2))
      assert.deepEqual(await applications.find('app-101'), documentOf(101, 2))
      const { id, client_id, version } = documentOf(101, 2)
      assert.deepEqual(await applications.page({ after: 0, upTo: 1_000 }, 10), [{ id, client_id, version }])
    })

    it('is absent for an application stored by a replica of the previous release', async () => {
      const { id, client_id, name, secret_digest, redirect_uris, scopes, confidential, trusted, version } =
        documentOf(102)
      await store.database.query(
        `insert into held.applications (id, client_id, name, secret_digest, redirect_uris, scopes, confidential, trusted, version)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [id, client_id, name, secret_digest, redirect_uris, scopes, confidential, trusted, version],
      )
      assert.deepEqual(await applications.find('app-102'), documentOf(102))
    })

    it('is added to tables of the previous release without changing their contents', async () => {
      await migrate(store.database, 'older', authorizationMigrations.slice(0, 2))
      await store.database.query(
        `insert into older.applications values (1, 'app-1', 'Old', null, '{}', '{}', true, false, 7)`,
      )
      await migrate(store.database, 'older', authorizationMigrations)
      const upgraded = createApplicationStore(store.database, 'older', () => {})
      assert.deepEqual(await upgraded.find('app-1'), {
        ...{ id: 1, client_id: 'app-1', name: 'Old', secret_digest: null, redirect_uris: [], scopes: [] },
        ...{ confidential: true, trusted: false, version: 7 },
      })
    })
  })
}
