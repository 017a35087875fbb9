import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { DEFAULT_RULES } from '../../chatops/index.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const UNKNOWN = 'route_unknown_oauth_clients_to_iam'
const PATH = `/api/v4/features/${FLAG}`

for (const engine of testDatabases()) {
  describe(`changes that move applications, on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      const rules = {
        ...DEFAULT_RULES,
        productionCheck: { ...DEFAULT_RULES.productionCheck, waitMs: 0, minGateways: 0 },
        twoPerson: ['dev' as const],
      }
      plane = await startTestControlPlane(store.database, {
        chatops: { rules, slack: undefined, teams: [], alarms: undefined },
      })
      for (const id of [1, 2, 3]) await plane.announce(testApplication(id))
      await plane.announce(testApplication(4), null)
    })
    beforeEach(async () => {
      await set({ value: 'false' })
      assert.equal((await remove('')).status, 204)
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    const set = async (parameters: Record<string, unknown>) => {
      const answer = await plane.ask('POST', PATH, { json: parameters })
      assert.equal(answer.status, 201, answer.text)
      return answer.json
    }
    const remove = (query: string, path = PATH) => plane.ask('DELETE', `${path}${query}`)
    const restore = (json: Record<string, unknown>) => plane.ask('POST', `/api/v1/flags/${FLAG}/restore`, { json })
    const say = async (text: string) => (await plane.ask('POST', '/api/v1/chatops', { json: { text } })).json
    const stateNow = async () => (await plane.ask('GET', `/api/v1/flags`)).json.flags[0]

    test('a delete that moves applications changes nothing until confirmed, and says what to send', async () => {
      await set({ value: 'true' })
      const refused = await remove('')
      assert.equal(refused.status, 409)
      assert.match(
        refused.json.message,
        /^409 Conflict - .* would move 3 applications iam → rails: 1 "Application 1", .*; 1 more as soon as .*; nothing was changed\. To make it, send confirm=3,/,
      )
      const wrong = await remove('?confirm=2')
      assert.match(wrong.json.message, /would move 3 applications .*, and 2 were confirmed/)
      assert.equal((await remove('?confirm=maybe')).status, 400)
      assert.equal((await stateNow()).state, 'on')
      assert.equal((await remove('?confirm=3')).status, 204)
      assert.equal((await stateNow()).state, 'off')
    })

    test('a delete that moves one application needs a confirmation too; one that moves none does not', async () => {
      await set({ value: 'true', oauth_application: '2' })
      assert.match(
        (await remove('')).json.message,
        /would move 1 application iam → rails: 2 "Application 2";.*confirm=1/,
      )
      assert.equal((await remove('', `/api/v4/features/${UNKNOWN}`)).status, 204)
      await set({ value: 'false', oauth_application: '2' })
      assert.equal((await remove('')).status, 204)
      // IAM does not hold application 4 yet: it would move later, and a delete must not lose its flag silently.
      await set({ value: '60', key: 'percentage_of_actors' })
      await set({ value: 'opt_out', oauth_application: '2,3' })
      assert.match((await remove('')).json.message, /would move 1 more as soon as IAM holds/)
      assert.equal((await remove('?confirm=true')).status, 204)
    })

    test('outside production a delete may move the one test application without confirmation', async () => {
      await set({ value: 'true', oauth_application: '2', environment: 'pre' })
      assert.equal((await remove('?environment=pre')).status, 204)
      await set({ value: 'true', environment: 'pre' })
      assert.match((await remove('?environment=pre')).json.message, /would move 3 applications/)
      assert.equal((await remove('?environment=pre&confirm=3')).status, 204)
    })

    test('a set reports what it moved and needs no confirmation, unless the caller states a number', async () => {
      assert.match((await set({ value: 'true' })).notes.join('\n'), /^3 applications rails → iam: 1 "Application 1"/)
      const wrong = await plane.ask('POST', PATH, { json: { value: 'false', confirm: 1 } })
      assert.equal(wrong.status, 409)
      assert.match(wrong.json.message, /would move 3 applications iam → rails: .*, and 1 were confirmed/)
      assert.match((await set({ value: 'false', confirm: 3 })).notes.join(), /^3 applications iam → rails/)
    })

    test('a dry run answers with both states and the moves, and changes neither flag, version nor audit log', async () => {
      await set({ value: '50', key: 'percentage_of_actors' })
      const { version } = await stateNow()
      const last = (await plane.ask('GET', '/api/v1/audit?limit=1')).json.entries[0].number
      const one = await plane.ask('POST', PATH, { json: { value: 'true', oauth_application: '1', dry_run: true } })
      assert.equal(one.status, 200, one.text)
      assert.deepEqual([one.json.before, one.json.confirm], ['50 % of applications', null])
      assert.deepEqual(one.json.impact, { to_iam: 1, to_rails: 0, waiting: 0 })
      const gone = await remove('?dry_run=true')
      assert.deepEqual([gone.json.after, gone.json.confirm, gone.json.version], ['off for all', 2, version])
      const back = await restore({ dry_run: true })
      assert.deepEqual([back.json.after, back.json.confirm], ['off for all', 2])
      assert.equal((await plane.ask('POST', PATH, { json: { value: '5abc', dry_run: true } })).status, 400)
      assert.equal((await stateNow()).version, version)
      assert.equal((await plane.ask('GET', '/api/v1/audit?limit=1')).json.entries[0].number, last)
    })

    test('a restore that moves several applications requires their number; undoing one flip does not', async () => {
      await set({ value: 'true', oauth_application: '1' })
      await set({ value: 'false', oauth_application: '1' })
      const one = await restore({})
      assert.equal(one.status, 200, one.text)
      assert.deepEqual(one.json.notes, ['1 application rails → iam: 1 "Application 1"'])
      await set({ value: 'true' })
      const [entry] = (await plane.ask('GET', '/api/v1/audit?limit=1')).json.entries
      for (const path of [`/api/v1/flags/${FLAG}/restore`, `/api/v1/audit/${entry.number}/restore`]) {
        const refused = await plane.ask('POST', path, { json: {} })
        assert.deepEqual([refused.status, refused.json.code], [409, 'confirmation_required'])
        assert.match(refused.json.detail, /would move 2 applications iam → rails: .* send confirm=2/)
      }
      const done = await plane.ask('POST', `/api/v1/audit/${entry.number}/restore`, { json: { confirm: 2 } })
      assert.equal(done.status, 200, done.text)
      assert.match(done.json.notes.join(), /^2 applications iam → rails/)
    })

    test('of concurrent plain restores one succeeds and the others say so; a named version undoes it', async () => {
      await set({ value: 'true' })
      await set({ value: 'false' })
      const answers = await Promise.all([1, 2, 3].map(() => restore({ confirm: true })))
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409])
      const refused = answers.find(({ status }) => status === 409)
      const { state, version } = await stateNow()
      assert.equal(state, 'on')
      assert.equal(refused?.json.code, 'already_restored')
      assert.match(refused.json.detail, new RegExp(`version ${version}, by administrator at .*if_version=${version}`))
      assert.equal((await restore({ confirm: true, dry_run: true })).json.code, 'already_restored')
      assert.equal((await restore({ confirm: true, if_version: version })).json.state, 'off')
    })

    test('a delete may name the version it is based on', async () => {
      const { version } = await set({ value: 'true' })
      await set({ value: 'false' })
      const late = await remove(`?if_version=${version}`)
      assert.deepEqual([late.status, /is at version \d+, not \d+/.test(late.json.message)], [409, true])
    })

    test('ChatOps refuses such a delete with the number, and accepts it with a confirmation', async () => {
      await set({ value: 'true' })
      await set({ value: 'true', environment: 'staging' })
      const command = `/chatops gitlab run feature delete ${FLAG} --production`
      const refused = await say(command)
      assert.equal(refused.outcome, 'refused', refused.text)
      assert.match(refused.text, /this would move 3 applications iam → rails: .*; to make it, add --confirm=3/)
      assert.match((await say(`${command} --dry-run`)).text, /would be refused: this would move 3 applications/)
      assert.match((await say(`${command} --confirm=8`)).text, /, and 8 were confirmed/)
      assert.match((await say(`${command} --confirm=many`)).text, /--confirm takes the number/)
      const done = await say(`${command} --confirm`)
      assert.equal(done.outcome, 'done', done.text)
      assert.match(done.text, /3 applications iam → rails/)
      assert.equal((await say(`feature delete ${FLAG} --staging --confirm`)).outcome, 'done')
    })

    test('ChatOps reports how many applications a set moved, and enforces a stated number', async () => {
      await set({ value: 'true', environment: 'staging' })
      assert.match(
        (await say(`feature set ${FLAG} 50 --actors --confirm=3`)).text,
        /would move 2 .*, and 3 were confirmed/,
      )
      assert.match((await say(`feature set ${FLAG} 50 --actors --confirm=2`)).text, /2 applications rails → iam: 2 /)
    })

    test('a proposal is checked against its confirmation when it is carried out', async () => {
      await set({ value: 'false', environment: 'dev' })
      const proposed = await say(`feature set ${FLAG} 50 --actors --dev --confirm=2`)
      const id = /proposal (\d+)/.exec(proposed.text)?.[1]
      await store.database.query(`update ${plane.schema}.proposals set proposed_by = 'somebody else'`)
      await plane.announce(testApplication(5))
      assert.match((await say(`feature approve ${id}`)).text, /would move 3 applications .*, and 2 were confirmed/)
      const { version } = testApplication(5)
      await plane.ask('DELETE', `/api/v1/applications/5?version=${version}`)
    })
  })
}
