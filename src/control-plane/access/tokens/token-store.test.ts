import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { freshSchema } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { type Database, isStoreAway, migrate } from '../../../storage/index.ts'
import { SYSTEM_CONTEXT } from '../../audit/change-context.ts'
import { MIGRATIONS } from '../../migrations.ts'
import { openStore } from '../../state/store.ts'
import { TokenStore } from './token-store.ts'
import { createToken, revokeToken } from './token-writes.ts'

for (const engine of testDatabases()) {
  describe(`known tokens while the store is unavailable, on ${engine.kind}`, () => {
    let store: TestDatabase
    const schema = freshSchema()
    before(async () => {
      store = await engine.open()
      await migrate(store.database, schema, MIGRATIONS)
    })
    after(() => store.close())

    function desk() {
      const place = leavable(store.database)
      const own = { store: openStore(store.database, schema), tokens: new TokenStore(place.database, schema) }
      return { place, desk: own }
    }
    const wish = { role: 'viewer', environments: null, days: 1 } as const
    const created = async (...args: Parameters<typeof createToken>) => {
      const made = await createToken(...args)
      assert.notEqual(made, 'name_reserved')
      return made as Exclude<typeof made, 'name_reserved'>
    }

    test('without the store a token revoked here is still refused, and the others are accepted', async () => {
      const { place, desk: own } = desk()
      const ended = await created(own, { ...wish, name: 'ended' }, SYSTEM_CONTEXT)
      const kept = await created(own, { ...wish, name: 'kept' }, SYSTEM_CONTEXT)
      for (const { token } of [ended, kept]) assert.ok(await own.tokens.find(token))
      await revokeToken(own, ended.record.id, SYSTEM_CONTEXT)
      place.leave()
      for (let n = 0; n < 2; n++) {
        const found = await own.tokens.find(ended.token).catch(() => undefined)
        assert.equal(found, undefined)
        assert.equal((await own.tokens.find(kept.token))?.name, 'kept')
      }
    })

    test('an unknown token is not reported as invalid while the store is unavailable', async () => {
      const { place, desk: own } = desk()
      const { token: known } = await created(own, { ...wish, name: 'known' }, SYSTEM_CONTEXT)
      assert.ok(await own.tokens.find(known))
      const { token } = await created(own, { ...wish, name: 'new' }, SYSTEM_CONTEXT)
      place.leave()
      for (let n = 0; n < 3; n++) await assert.rejects(own.tokens.find(token), isStoreAway)
      place.comeBack()
      own.tokens.forget()
      assert.equal((await own.tokens.find(token))?.name, 'new')
      assert.equal(await own.tokens.find('nobody-s-token'), undefined)
    })
  })
}

/** A database that can be made to refuse connections. */
function leavable(database: Database) {
  let isAway = false
  const query: Database['query'] = async (...statement) => {
    if (isAway) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    return database.query(...statement) as never
  }
  return {
    database: new Proxy(database, {
      get: (target, name) => (name === 'query' ? query : Reflect.get(target, name, target)),
    }),
    leave: () => {
      isAway = true
    },
    comeBack: () => {
      isAway = false
    },
  }
}
