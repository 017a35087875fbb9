import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { ENVIRONMENTS } from '../../../flags/index.ts'

const OPERATOR = [
  ...['brake', 'checklist.tick', 'drills.run', 'flags.restore', 'flags.write', 'probes.run', 'problems.report'],
  ...['rollouts.act', 'rollouts.create'],
]
const ADMINISTRATOR = [...OPERATOR, 'credentials.revoke', 'side_effects.drop', 'side_effects.retry', 'tokens.write']

for (const engine of testDatabases()) {
  describe(`what the caller may do, on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    async function me(wish: object) {
      const { token } = (await plane.ask('POST', '/api/v1/tokens', { json: wish })).json
      const { json } = await plane.ask('GET', '/api/v1/me', { token })
      return json
    }
    const of = (document: { environments: Array<{ environment: string; may: string[] }> }, environment: string) =>
      document.environments.find((each) => each.environment === environment)?.may.sort()

    test('an administrator may do everything everywhere', async () => {
      const { json } = await plane.ask('GET', '/api/v1/me')
      assert.deepEqual([json.name, json.role, json.csrf_token], ['administrator', 'administrator', null])
      for (const environment of ENVIRONMENTS) assert.deepEqual(of(json, environment), [...ADMINISTRATOR].sort())
    })

    test('an operator may act in the environments of the token, and is a viewer elsewhere', async () => {
      const json = await me({ role: 'operator', name: 'olga', environments: ['staging'] })
      assert.deepEqual(of(json, 'staging'), [...OPERATOR].sort())
      assert.deepEqual(of(json, 'production'), [])
      const roles = json.environments.map(({ environment, role }: { environment: string; role: string }) => [
        environment,
        role,
      ])
      assert.deepEqual(Object.fromEntries(roles)['production'], 'viewer')
      assert.ok(Date.parse(json.expires_at) > Date.now())
    })

    test('a viewer may change nothing', async () => {
      const json = await me({ role: 'viewer', name: 'vera' })
      for (const environment of ENVIRONMENTS) assert.deepEqual(of(json, environment), [])
    })
  })
}
