import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { freshSchema } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { scratchDirectory } from '../../../../test/support/scratch.ts'
import { silentLog } from '../../../observability/index.ts'
import { migrate } from '../../../storage/index.ts'
import { MIGRATIONS } from '../../migrations.ts'
import type { ControlPlaneSettings } from '../../settings.ts'
import { ControlPlaneFault } from '../../state/control-plane-fault.ts'
import { openStore } from '../../state/store.ts'
import { establishTokens } from './token-files.ts'
import { TokenStore } from './token-store.ts'

for (const engine of testDatabases()) {
  describe(`token files on ${engine.kind}`, () => {
    let store: TestDatabase
    const schema = freshSchema()
    const { path } = scratchDirectory('token-files')
    before(async () => {
      store = await engine.open()
      await migrate(store.database, schema, MIGRATIONS)
    })
    after(() => store.close())

    const establish = (given: Partial<ControlPlaneSettings>) => {
      const listen = { host: '127.0.0.1', port: 0 }
      const settings = { listen, database: store.database, definitionsDirectory: path, ...given }
      const desk = { store: openStore(store.database, schema), tokens: new TokenStore(store.database, schema) }
      return establishTokens(settings, desk, silentLog)
    }

    test('of replicas that start at once on separate disks, one writes the administrator token', async () => {
      const files = ['a', 'b', 'c'].map((name) => join(path, `${engine.kind}-${name}`))
      await Promise.all(files.map((adminTokenFile) => establish({ adminTokenFile })))
      const written = files.filter((file) => existsSync(file))
      assert.equal(written.length, 1)
      const token = readFileSync(written[0] ?? '', 'utf8').trim()
      assert.equal((await new TokenStore(store.database, schema).find(token))?.role, 'administrator')
    })

    test('a token that cannot be sent in a header is refused at startup, and not printed', async () => {
      for (const value of ['x'.repeat(513), 'grüße-an-alle-gateways', 'too-short']) {
        const file = join(path, `${engine.kind}-unusable`)
        writeFileSync(file, value)
        for (const held of [{ file }, { value }]) {
          await assert.rejects(
            establish({ tokens: [{ role: 'gateway', name: 'gateway', ...held }] }),
            (error) =>
              error instanceof ControlPlaneFault &&
              /must have 16 to 512/.test(error.message) &&
              !error.message.includes(value),
          )
        }
      }
      await establish({ tokens: [{ role: 'gateway', name: 'gateway', value: 'x'.repeat(512) }] })
      assert.ok(await new TokenStore(store.database, schema).find('x'.repeat(512)))
    })
  })
}
