import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import type { Database } from '../../storage/index.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

for (const engine of testDatabases()) {
  describe(`a command during which the database becomes unavailable, on ${engine.kind}`, () => {
    let store: TestDatabase
    before(async () => {
      store = await engine.open()
    })
    after(() => store.close())

    test('completed changes are reported as done, and the others as unknown', async () => {
      const place = leavable(store.database)
      const plane = await startTestControlPlane(place.database)
      try {
        place.leaveAfterTheNextWrite()
        const text = `feature set ${FLAG} 5 --actors --dev --staging`
        const answer = await plane.ask('POST', '/api/v1/chatops', { json: { text } })
        assert.equal(answer.status, 200, answer.text)
        assert.equal(answer.json.outcome, 'partial')
        assert.match(answer.json.text, /\+ dev: done\n {4}\w+: 5 % of applications/)
        assert.match(answer.json.text, /x staging: refused\n {4}the database does not answer: look/)
        const nothing = await plane.ask('POST', '/api/v1/chatops', { json: { text } })
        assert.equal(nothing.status, 503)
        place.comeBack()
        const got = await plane.ask('POST', '/api/v1/chatops', {
          json: { text: `feature get ${FLAG} --dev --staging` },
        })
        assert.match(got.json.text, /dev: conditional/)
        assert.match(got.json.text, /staging: off/)
      } finally {
        place.comeBack()
        await plane.close()
      }
    })
  })
}

/** A database that can be made to refuse connections. */
function leavable(database: Database) {
  let isAway = false
  let isLeaving = false
  const gone = () => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  const query: Database['query'] = async (...statement) => {
    if (isAway) throw gone()
    return database.query(...statement) as never
  }
  const transaction: Database['transaction'] = async (work) => {
    if (isAway) throw gone()
    const result = await database.transaction(work)
    if (isLeaving) [isAway, isLeaving] = [true, false]
    return result
  }
  const ours: Partial<Database> = { query, transaction }
  return {
    database: new Proxy(database, {
      get: (target, name) => {
        const value: unknown = Reflect.get(ours, name) ?? Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    }),
    leaveAfterTheNextWrite: () => {
      isLeaving = true
    },
    comeBack: () => {
      isAway = false
    },
  }
}
