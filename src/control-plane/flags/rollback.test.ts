import assert from 'node:assert/strict'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { ROOT } from '../../../test/support/program.ts'
import { scratchDirectory } from '../../../test/support/scratch.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const PATH = `/api/v4/features/${FLAG}`
const ACTOR = 'Authn::OauthApplication'

function definitionsWithGroup(): string {
  const { path } = scratchDirectory('way-back')
  cpSync(join(ROOT, 'flags'), path, { recursive: true })
  mkdirSync(join(path, 'feature_groups'))
  writeFileSync(join(path, 'feature_groups', 'pilots.yml'), 'name: pilots\napplications: [1, 3]\n')
  return path
}

for (const engine of testDatabases()) {
  describe(`a rollback of one application, on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database, { definitionsDirectory: definitionsWithGroup() })
      for (const id of [1, 2, 3]) await plane.announce(testApplication(id))
    })
    beforeEach(() => set({ value: 'false' }))
    after(async () => {
      await plane.close()
      await store.close()
    })

    const set = async (parameters: Record<string, unknown>) => {
      const answer = await plane.ask('POST', PATH, { json: parameters })
      assert.equal(answer.status, 201, answer.text)
      return answer.json
    }
    /** The answers of every reader of the flag about an application, which must agree. */
    const sideOf = async (id: number) => {
      const explained = await plane.ask('POST', '/api/v1/explain', { json: { client_id: `client-${id}` } })
      const context = { targetingKey: `client-${id}` }
      const evaluated = await plane.ask('POST', `/ofrep/v1/evaluate/flags/${FLAG}`, { json: { context } })
      assert.equal(evaluated.json.value, explained.json.destination === 'iam', explained.text)
      return explained.json.destination
    }
    const say = async (text: string) => (await plane.ask('POST', '/api/v1/chatops', { json: { text } })).json

    // Application 1 is in bucket 90.536.
    const coverings: ReadonlyArray<readonly [string, Record<string, unknown>, RegExp]> = [
      ['true for all', { value: 'true' }, /still covered by 'true' for all, so it is opted out/],
      ['a percentage', { value: '99.999', key: 'percentage_of_actors' }, /by the percentage of applications, so/],
      ['a feature group', { value: 'true', feature_group: 'pilots' }, /still covered by a feature group, so/],
    ]
    for (const [what, covering, says] of coverings) {
      test(`false for an application that ${what} covers rolls it back, and true moves it again`, async () => {
        await set(covering)
        assert.equal(await sideOf(1), 'iam')
        const back = await set({ value: 'false', oauth_application: 'client-1' })
        assert.match(back.notes.join('\n'), says)
        assert.match(back.notes.join('\n'), /^application 1 "Application 1" /)
        assert.equal(await sideOf(1), 'rails')
        assert.deepEqual(
          back.gates.find(({ key }: { key: string }) => key === 'actors'),
          { key: 'actors', value: [`${ACTOR}:1:opt_out`] },
        )
        const again = await set({ value: 'true', oauth_application: '1' })
        assert.deepEqual(again.notes, [
          'the opt-out of application 1 "Application 1" is removed',
          '1 application rails → iam: 1 "Application 1"',
        ])
        assert.equal(await sideOf(1), 'iam')
      })
    }

    test('false for an application that only its own gate enabled leaves no opt-out behind', async () => {
      await set({ value: 'true', oauth_application: '1' })
      const back = await set({ value: 'false', oauth_application: '1' })
      assert.deepEqual([back.state, back.notes], ['off', ['1 application iam → rails: 1 "Application 1"']])
      await set({ value: '95', key: 'percentage_of_actors' })
      assert.equal(await sideOf(1), 'iam')
    })

    test('several applications are rolled back as their gates require; an unknown one stops them all', async () => {
      await set({ value: '50', key: 'percentage_of_actors' })
      await set({ value: 'true', oauth_application: '1' })
      const wrong = await plane.ask('POST', PATH, { json: { value: 'false', oauth_application: '1,2,99' } })
      assert.deepEqual([wrong.status, wrong.json.message], [400, '400 Bad request - 99 is not found!'])
      assert.deepEqual([await sideOf(1), await sideOf(2)], ['iam', 'iam'])
      const back = await set({ value: '0', oauth_application: 'client-1,2,Authn::OauthApplication:3' })
      assert.deepEqual(back.notes, [
        'applications 2 "Application 2", 3 "Application 3" were still covered by the percentage of applications, so they are opted out; \'true\' for them removes the opt-out',
        '3 applications iam → rails: 1 "Application 1", 2 "Application 2", 3 "Application 3"',
      ])
      assert.deepEqual([await sideOf(1), await sideOf(2), await sideOf(3)], ['rails', 'rails', 'rails'])
    })

    test('a feature group is rolled back completely; an application opted out on purpose stays out', async () => {
      await set({ value: '95', key: 'percentage_of_actors' })
      await set({ value: 'opt_out', oauth_application: '3' })
      const back = await set({ value: 'false', feature_group: 'pilots' })
      assert.match(back.notes.join(), /^application 1 "Application 1" was still covered by the percentage/)
      assert.deepEqual([await sideOf(1), await sideOf(2), await sideOf(3)], ['rails', 'iam', 'rails'])
      const again = await set({ value: 'true', feature_group: 'pilots' })
      assert.match(again.notes.join('\n'), /the opt-out of application 1 .*\n?application 3 .* opted out on purpose/s)
      assert.deepEqual([await sideOf(1), await sideOf(3)], ['iam', 'rails'])
      const refused = await plane.ask('POST', PATH, { json: { value: 'true', oauth_application: '3' } })
      assert.match(refused.json.message, /Opt-out exists .* remove opt-out before enabling/)
    })

    test('ChatOps does the same for every spelling, reports it before and after, and runs no check', async () => {
      await set({ value: 'true' })
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true, reason: 'incident' } })
      for (const target of ['--actors=Authn::OauthApplication:2', '--oauth-application=client-3']) {
        const id = target.at(-1)
        const note = `application ${id} "Application ${id}" was still covered by 'true' for all, so it is opted out`
        const rehearsed = await say(`feature set ${target} ${FLAG} false --dry-run`)
        assert.ok(rehearsed.text.includes(note), rehearsed.text)
        const said = await say(`/chatops gitlab run feature set ${target} ${FLAG} false`)
        assert.equal(said.outcome, 'done', said.text)
        assert.ok(said.text.includes(note), said.text)
        assert.match((await say(`feature get ${FLAG}`)).text, new RegExp(`opted out: .*${ACTOR}:${id}`))
      }
      await plane.ask('PUT', '/api/v1/brake', { json: { on: false, reason: 'over' } })
      assert.deepEqual([await sideOf(1), await sideOf(2), await sideOf(3)], ['iam', 'rails', 'rails'])
    })

    test('history and audit log show the opt-out, and a restore undoes it and can itself be undone', async () => {
      await set({ value: 'true' })
      await set({ value: 'false', oauth_application: '1', reason: 'logins fail' })
      const history = (await plane.ask('GET', `/api/v1/flags/${FLAG}/history?limit=1`)).json.entries[0]
      assert.deepEqual([history.before.opted_out, history.after.opted_out], [[], [`${ACTOR}:1`]])
      const entry = (await plane.ask('GET', '/api/v1/audit?limit=1')).json.entries[0]
      assert.deepEqual([entry.reason, entry.after.switched_off], ['logins fail', [`${ACTOR}:1`]])
      assert.equal((await plane.ask('POST', `/api/v1/flags/${FLAG}/restore`, { json: {} })).status, 200)
      assert.equal(await sideOf(1), 'iam')
      const path = `/api/v1/audit/${entry.number}/restore`
      assert.equal((await plane.ask('POST', path, { json: { to: 'after' } })).status, 200)
      assert.equal(await sideOf(1), 'rails')
      assert.equal((await set({ value: 'true', oauth_application: '1' })).notes.length, 2)
      assert.equal(await sideOf(1), 'iam')
    })
  })
}
