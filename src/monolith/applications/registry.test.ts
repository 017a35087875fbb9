import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { authorizationMigrations, createAuthorizationServer, hexTokenIssuer } from '../../authorization-server/index.ts'
import { migrate } from '../../storage/index.ts'
import { monolithMigrations } from '../migrations.ts'
import { type ApplicationRegistry, applicationRegistry } from './registry.ts'

const draft = { name: 'App', redirectUris: ['https://app.example.test/callback'], scopes: [], confidential: true }
const OWNER = '1'

for (const engine of testDatabases()) {
  describe(`changes of one application at a time on ${engine.kind}`, () => {
    let store: TestDatabase
    let registry: ApplicationRegistry
    let isKnown: (clientId: string) => Promise<boolean>
    before(async () => {
      store = await engine.open()
      const { database } = store
      await migrate(database, 'monolith', monolithMigrations)
      await migrate(database, 'monolith_oauth', authorizationMigrations)
      await database.query(
        `insert into monolith.users (id, username, name, email, password_hash) values (1, 'alice', 'Alice', 'a@example.test', '')`,
      )
      const core = createAuthorizationServer({
        database,
        schema: 'monolith_oauth',
        resourceOwners: { find: async () => undefined },
        tokenIssuer: hexTokenIssuer,
        settings: { issuer: 'http://127.0.0.1:1' },
      })
      registry = applicationRegistry(database, 'monolith', core.applications)
      isKnown = async (clientId) => {
        const rows = await database.query('select 1 from monolith_oauth.applications where client_id = $1', [clientId])
        return rows.length > 0
      }
    })
    after(() => store.close())

    const announced = async (id: number) => {
      const [row] = await store.database.query<{ event: string; version: number }>(
        'select event, version from monolith.outbox where application_id = $1',
        [id],
      )
      return row
    }

    test('a late change does not restore a removed application', async () => {
      const { application } = await registry.create(OWNER, draft)
      await registry.remove(application)
      assert.equal(await registry.update(application, draft), 'conflict')
      assert.equal(await registry.renewSecret(application), 'conflict')
      assert.equal(await isKnown(application.client_id), false)
      assert.deepEqual(await announced(application.id), { event: 'delete', version: 2 })
    })

    test('a removal by a user who has not seen the last change has a higher version than that change', async () => {
      const { application } = await registry.create(OWNER, draft)
      assert.equal(await registry.update(application, draft), 'saved')
      await registry.remove(application)
      assert.deepEqual(await announced(application.id), { event: 'delete', version: 3 })
      await registry.remove(application)
      assert.deepEqual(await announced(application.id), { event: 'delete', version: 3 })
    })

    test('whichever of a change and a removal comes first, the application is gone afterwards and its removal has the last version', async () => {
      for (let round = 0; round < 10; round++) {
        const { application } = await registry.create(OWNER, draft)
        await Promise.all([registry.update(application, draft), registry.remove(application)])
        assert.equal(await isKnown(application.client_id), false)
        assert.equal((await announced(application.id))?.event, 'delete')
      }
    })
  })
}
