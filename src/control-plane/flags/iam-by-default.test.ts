import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { DEFAULT_RULES } from '../../chatops/index.ts'
import { ENVIRONMENTS, type Environment } from '../../flags/index.ts'
import { type RunningGateway, startGateway } from '../../gateway/index.ts'
import { silentLog } from '../../observability/index.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const PATH = `/api/v4/features/${FLAG}`
const DELETION = `/chatops gitlab run feature delete ${FLAG} --dev --pre --staging --staging-ref --production`

for (const engine of testDatabases()) {
  describe(`the end of a migration on ${engine.kind}`, () => {
    let store: TestDatabase
    const planes: TestControlPlane[] = []
    const gateways: RunningGateway[] = []
    before(async () => {
      store = await engine.open()
    })
    afterEach(async () => {
      for (const gateway of gateways.splice(0)) await gateway.close()
      for (const plane of planes.splice(0)) await plane.close()
    })
    after(() => store.close())

    const start = async (iamByDefault: readonly Environment[], like?: TestControlPlane) => {
      const rules = {
        ...DEFAULT_RULES,
        productionCheck: { ...DEFAULT_RULES.productionCheck, waitMs: 0, minGateways: 0 },
      }
      const plane = await startTestControlPlane(store.database, {
        iamByDefault,
        chatops: { rules, slack: undefined, teams: [], alarms: undefined },
        ...(like && { schema: like.schema, directory: like.directory }),
      })
      planes.push(plane)
      for (const id of [1, 2]) await plane.announce(testApplication(id))
      return plane
    }
    const follow = async (plane: TestControlPlane) => {
      const gateway = await startGateway(
        {
          listen: { host: '127.0.0.1', port: 0 },
          legacyUrl: 'http://127.0.0.1:9',
          iamUrl: 'http://127.0.0.1:9',
          source: {
            ...{ kind: 'control', url: plane.url, token: plane.gatewayToken },
            ...{ environment: 'production', stateFile: undefined },
          },
        },
        silentLog,
      )
      gateways.push(gateway)
      await eventually('the gateway is listed', async () => {
        const { json } = await plane.ask('GET', '/api/v1/gateways')
        return json.gateways.some((one: { connected: boolean }) => one.connected) || undefined
      })
    }
    const sideOf = async (plane: TestControlPlane) =>
      (await plane.ask('POST', '/api/v1/explain', { json: { client_id: 'client-1' } })).json
    const snapshotGates = async (plane: TestControlPlane) => {
      const answer = await plane.ask('GET', '/api/v1/snapshot?environment=production', { token: plane.gatewayToken })
      return JSON.parse(answer.text.split('\n')[0] ?? '').flags[FLAG]
    }
    const say = async (plane: TestControlPlane, text: string) =>
      (await plane.ask('POST', '/api/v1/chatops', { json: { text } })).json

    test("with iam_by_default the checklist's feature delete moves nothing and needs no confirmation", async () => {
      const plane = await start(ENVIRONMENTS)
      for (const environment of ENVIRONMENTS) {
        assert.equal((await plane.ask('POST', PATH, { json: { value: 'true', environment } })).status, 201)
      }
      const said = await say(plane, DELETION)
      assert.equal(said.outcome, 'done', said.text)
      assert.match(said.text, /production: deleted\n.*: on for all/)
      assert.doesNotMatch(said.text, /iam → rails/)
      const { destination, because } = await sideOf(plane)
      assert.equal(destination, 'iam')
      assert.match(because.join('\n'), /not set, and on for all by default/)
      assert.equal((await snapshotGates(plane)).boolean, true)
      assert.deepEqual((await plane.ask('GET', '/api/v4/features')).json, [])
      assert.equal((await plane.ask('GET', '/api/v1/flags')).json.flags[0].state, 'on')
      // The brake and the flag itself can still move everyone back.
      await plane.ask('POST', PATH, { json: { value: 'false' } })
      assert.equal((await sideOf(plane)).destination, 'rails')
    })

    test('without it, or while IAM lacks some applications, the same command says how many would move', async () => {
      const plane = await start(['production'])
      await plane.ask('POST', PATH, { json: { value: 'true', environment: 'dev' } })
      await plane.ask('POST', PATH, { json: { value: 'false' } })
      await plane.ask('POST', PATH, { json: { value: 'true', oauth_application: '1' } })
      const said = await say(plane, DELETION)
      assert.match(said.text, /dev: refused\n.*would move 2 applications iam → rails/)
      const forward = await plane.ask('DELETE', PATH)
      assert.match(forward.json.message, /would move 1 application rails → iam: 2 "Application 2"/)
    })

    test('a start with another setting advances the snapshot, so that a resuming gateway receives it', async () => {
      const first = await start([])
      const { version } = await sideOf(first)
      const second = await start(['production'], first)
      await eventually(
        'the first replica has taken the change',
        async () => (await sideOf(first)).version > version || undefined,
      )
      assert.equal((await sideOf(second)).destination, 'iam')
      const { entries } = (await second.ask('GET', '/api/v1/audit?action=default.iam')).json
      assert.deepEqual([entries.length, entries[0].environment, entries[0].by], [1, 'production', 'control plane'])
      const third = await start(['production'], first)
      assert.equal((await third.ask('GET', '/api/v1/audit?action=default.iam')).json.entries.length, 1)
    })

    test('the flag cannot be deleted while gateways follow a control plane without the setting', async () => {
      const other = await start([])
      await follow(other)
      const plane = await start(['production'], other)
      await plane.ask('POST', PATH, { json: { value: 'true' } })
      const refused = await eventually('the other replica has told', async () => {
        const answer = await plane.ask('DELETE', `${PATH}?dry_run=true`)
        return answer.status === 409 ? answer.json.message : undefined
      })
      assert.match(refused, /iam_by_default is not in force everywhere: another control plane does not name production/)
      assert.match((await say(plane, `feature delete ${FLAG}`)).text, /iam_by_default is not in force everywhere/)
    })
  })
}
