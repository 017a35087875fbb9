import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { SNAPSHOT_STREAM_PATH } from '../../../routing/index.ts'

interface Operation {
  readonly parameters?: ReadonlyArray<{ readonly name: string; readonly in: string }>
}

for (const engine of testDatabases()) {
  describe(`text that PostgreSQL cannot store, on ${engine.kind}`, () => {
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

    test('a NUL in any path or query of the API is refused as a client error', async () => {
      const { json } = await plane.ask('GET', '/api/openapi.json')
      const paths = Object.entries(json.paths as Record<string, Record<string, Operation>>)
      const failed: string[] = []
      let asked = 0
      const ask = async (method: string, path: string) => {
        asked++
        const body = method === 'get' || method === 'delete' ? {} : { json: {} }
        const { status } = await plane.ask(method.toUpperCase(), path, body)
        if (status >= 500) failed.push(`${method} ${path}: ${status}`)
      }
      for (const [template, operations] of paths) {
        if (template === SNAPSHOT_STREAM_PATH) continue
        const path = template.replaceAll(/\{\w+\}/g, '1%002')
        for (const [method, { parameters = [] }] of Object.entries(operations)) {
          if (path !== template) await ask(method, path)
          for (const each of parameters.filter((parameter) => parameter.in === 'query')) {
            await ask(method, `${template.replaceAll(/\{\w+\}/g, '1')}?${each.name}=a%00b`)
          }
        }
      }
      assert.deepEqual(failed, [])
      assert.ok(asked > 40, `${asked} were asked`)
    })
  })
}
