import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { ROOT } from '../../../../test/support/program.ts'
import { DEFAULT_RULES } from '../../../chatops/index.ts'
import { listen, type RunningServer } from '../../../http/index.ts'
import { queriesOf } from './dashboards-check.ts'

const COMMIT = 'a'.repeat(40)
const DASHBOARDS = `${ROOT}/observability/grafana`

/** Prometheus and GitLab, as far as the checks ask them. */
const outside = { series: 1, status: 200, issue: 'opened' as string | undefined }

for (const engine of testDatabases()) {
  describe(`the checklist on ${engine.kind}`, () => {
    let store: TestDatabase
    let control: TestControlPlane
    let server: RunningServer
    before(async () => {
      server = await listen(
        createServer((request, response) => {
          const isQuery = request.url?.startsWith('/api/v1/query') === true
          const result = Array.from({ length: outside.series }, () => ({}))
          const answer = isQuery ? { status: 'success', data: { result } } : { state: outside.issue, title: 'Change' }
          response.writeHead(isQuery ? outside.status : outside.issue === undefined ? 404 : 200)
          response.end(JSON.stringify(answer))
        }),
        { host: '127.0.0.1', port: 0 },
      )
      store = await engine.open()
      const alarms = {
        kind: 'prometheus' as const,
        url: server.url,
        token: undefined,
        namePrefix: '',
        severities: [],
        match: {},
      }
      const gitlab = { url: server.url, token: undefined, project: 'group/project', environments: {} }
      control = await startTestControlPlane(store.database, {
        chatops: { rules: DEFAULT_RULES, slack: undefined, teams: [], alarms },
        commits: { gitlab },
        dashboardsDirectory: DASHBOARDS,
      })
    })
    after(async () => {
      await control.close()
      await server.close(0)
      await store.close()
    })

    const show = async (query = '') => {
      const { status, json } = await control.ask('GET', `/api/v1/checklist${query}`)
      assert.equal(status, 200, JSON.stringify(json))
      return new Map<string, { state: string; sentence: string; ticked_by: string | null }>(
        json.items.map((one: { item: string }) => [one.item, one]),
      )
    }
    const tick = (json: object) => control.ask('POST', '/api/v1/checklist/ticks', { json })

    test('begins with every item open or unknown', async () => {
      const items = await show()
      for (const item of ['gateways_ready', 'applications_replicated', 'probes']) {
        assert.equal(items.get(item)?.state, 'open', item)
      }
      for (const item of ['deployed', 'change_issue', 'guard_drill', 'fail_open_drill'])
        assert.equal(items.get(item)?.state, 'unknown', item)
      assert.equal(items.get('milestone')?.sentence, 'not ticked yet')
    })

    test('keeps a tick with name and time, records it, and removes it', async () => {
      assert.equal((await tick({ item: 'support_informed', note: 'told in the channel' })).status, 200)
      const ticked = (await show()).get('support_informed')
      assert.equal(ticked?.state, 'done')
      assert.match(ticked?.sentence ?? '', /^ticked by .+ at \d{4}-.*: told in the channel$/)
      // The tick of an environment counts for its rollouts, and not the other way around.
      assert.equal((await show('?rollout=7')).get('support_informed')?.state, 'done')
      await tick({ item: 'milestone', rollout: 7 })
      assert.equal((await show('?rollout=7')).get('milestone')?.state, 'done')
      assert.equal((await show('?rollout=8')).get('milestone')?.state, 'open')
      await tick({ item: 'support_informed', done: false })
      assert.equal((await show()).get('support_informed')?.state, 'open')
      const { json } = await control.ask('GET', '/api/v1/audit?limit=10')
      const actions = json.entries.map((entry: { action: string }) => entry.action)
      assert.deepEqual(actions.filter((action: string) => action.startsWith('checklist')).sort(), [
        'checklist.tick',
        'checklist.tick',
        'checklist.untick',
      ])
    })

    test('a tick does not override a check that found something open', async () => {
      await tick({ item: 'gateways_ready' })
      assert.equal((await show()).get('gateways_ready')?.state, 'open')
    })

    test('refuses an unknown item and a note that cannot be stored', async () => {
      for (const json of [{ item: 'coffee' }, { item: 'milestone', note: 'a\0b' }, { item: 'milestone', rollout: 0 }]) {
        assert.equal((await tick(json)).status, 400, JSON.stringify(json))
      }
    })

    test('a commit must be in every part, on the canary too', async () => {
      const deploy = (component: string, stage: string, commit: string) =>
        control.ask('POST', '/api/v1/deployments', {
          json: { environment: 'production', component, stage, version: '1.0', commit, contains: [commit] },
        })
      const deployed = async () => (await show(`?commit=${COMMIT}`)).get('deployed')
      assert.equal((await deploy('iam', 'main', COMMIT)).status, 201)
      assert.match((await deployed())?.sentence ?? '', /no deployment to the canary stage gprd-cny is recorded/)
      await deploy('iam', 'canary', COMMIT)
      assert.deepEqual((await deployed())?.state, 'done')
      assert.match((await deployed())?.sentence ?? '', /iam on gprd-cny/)
      const { json } = await control.ask('GET', '/api/v1/deployments')
      assert.deepEqual(json.deployments.map((one: { stage: string }) => one.stage).sort(), ['canary', 'main'])
    })

    test('the change issue must be open', async () => {
      const issue = async (address: string) =>
        (await show(`?change_issue=${encodeURIComponent(address)}`)).get('change_issue')
      const ours = `${server.url}/group/project/-/issues/12`
      outside.issue = 'opened'
      assert.deepEqual(await issue(ours).then((one) => [one?.state, one?.sentence]), [
        'done',
        'group/project#12 is open',
      ])
      outside.issue = 'closed'
      assert.equal((await issue(ours))?.state, 'open')
      outside.issue = undefined
      assert.match((await issue(ours))?.sentence ?? '', /does not know/)
      assert.equal((await issue('https://elsewhere.example/group/project/-/issues/12'))?.state, 'unknown')
    })

    test('the dashboards must be answered, some with data', async () => {
      const dashboards = async () => (await show()).get('dashboards')
      assert.equal((await dashboards())?.state, 'done')
      Object.assign(outside, { series: 0 })
      assert.match((await dashboards())?.sentence ?? '', /none of the \d+ queries returns data/)
      Object.assign(outside, { series: 1, status: 500 })
      assert.match((await dashboards())?.sentence ?? '', /is not answered: status 500/)
      Object.assign(outside, { status: 200 })
    })

    test('IAM must hold every application', async () => {
      await control.announce(testApplication(1), null)
      await control.announce(testApplication(2))
      assert.equal((await show()).get('applications_replicated')?.sentence, '1 of 2 are missing: 1')
      await control.announce(testApplication(1))
      assert.equal((await show()).get('applications_replicated')?.state, 'done')
    })
  })
}

test('the queries of the dashboards contain no variable of Grafana', () => {
  const queries = queriesOf(DASHBOARDS)
  assert.ok(queries.length > 20)
  for (const { expr } of queries) assert.doesNotMatch(expr, /\$/)
})
