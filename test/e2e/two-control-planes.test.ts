import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type RunningGateway, startGateway } from '../../src/gateway/index.ts'
import { type RunningServer, serve } from '../../src/http/index.ts'
import { silentLog } from '../../src/observability/index.ts'
import { type Database, openDatabase } from '../../src/storage/index.ts'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../support/control-plane.ts'
import { createServerDatabase } from '../support/database.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually } from '../support/wait.ts'

const FLAG = '/api/v4/features/proxy_oauth_requests_to_iam_service'
const server = process.env['HANDOVER_TEST_DATABASE_URL']
const LOCAL = { host: '127.0.0.1', port: 0 }

describe('two control planes on one PostgreSQL', {
  skip: server === undefined && 'there is no server to test with',
}, () => {
  const scratch = scratchDirectory('two-planes')
  const databases: Database[] = []
  let remove: () => Promise<void>
  let planes: [TestControlPlane, TestControlPlane]
  let sides: RunningServer[] = []
  const gateways: RunningGateway[] = []

  const startPlane = async (url: string) => {
    const database = await openDatabase({ kind: 'postgres', url })
    databases.push(database)
    return startTestControlPlane(database, { schema: 'control', directory: scratch.path })
  }
  const side = (name: string) =>
    serve({ listen: LOCAL, log: silentLog, handler: async () => ({ status: 200, headers: [], body: name }) })
  /** A gateway that follows the first of these control planes, and the others when it must. */
  const follow = async (...[first, ...others]: TestControlPlane[]) => {
    const [legacy, iam] = sides
    const gateway = await startGateway(
      {
        listen: LOCAL,
        legacyUrl: legacy?.url ?? '',
        iamUrl: iam?.url,
        source: {
          ...{ kind: 'control', url: first?.url ?? '', otherUrls: others.map(({ url }) => url) },
          ...{ token: planes[0].gatewayToken, environment: 'production', stateFile: undefined },
        },
      },
      silentLog,
    )
    gateways.push(gateway)
    return gateway
  }
  const flip = (plane: TestControlPlane, id: number, value: boolean) =>
    plane.ask('POST', FLAG, { json: { value: String(value), oauth_application: String(id) } })
  const isOn = (gateway: RunningGateway, id: number, name: string) =>
    eventually(
      `application ${id} on ${name}`,
      async () => (await (await fetch(`${gateway.url}/oauth/authorize?client_id=client-${id}`)).text()) === name,
      10_000,
    )

  before(async () => {
    const created = await createServerDatabase(server ?? '')
    remove = created.remove
    sides = [await side('legacy'), await side('iam')]
    const first = await startPlane(created.url)
    planes = [first, await startPlane(created.url)]
    for (const id of [1, 2, 3]) await first.announce(testApplication(id))
  })
  after(async () => {
    for (const gateway of gateways) await gateway.close()
    for (const plane of planes) await plane.close()
    for (const each of sides) await each.close(0)
    for (const database of databases) await database.close()
    await remove()
    scratch.remove()
  })

  test('a change made on one reaches a gateway that follows the other', async () => {
    const gateway = await follow(planes[1])
    await flip(planes[0], 1, true)
    await isOn(gateway, 1, 'iam')
    await flip(planes[0], 1, false)
    await isOn(gateway, 1, 'legacy')
  })

  test('both give the same answer to a write at the same moment, and no change is lost', async () => {
    const answers = await Promise.all(planes.flatMap((plane) => [1, 2, 3].map((id) => flip(plane, id, true))))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201])
    const views = await Promise.all(planes.map((plane) => plane.ask('GET', '/api/v4/features')))
    const [first, second] = views.map(({ json }) => json[0].gates)
    assert.deepEqual(first, second)
    assert.equal(first.find(({ key }: { key: string }) => key === 'actors').value.length, 3)
  })

  test('a gateway whose control plane is gone follows the other, and misses nothing', async () => {
    const gateway = await follow(...planes)
    await isOn(gateway, 2, 'iam')
    const cut = planes[0].running.close(0)
    const answer = await flip(planes[1], 2, false)
    assert.equal(answer.status, 201)
    await cut
    await isOn(gateway, 2, 'legacy')
    await flip(planes[1], 2, true)
    await isOn(gateway, 2, 'iam')
  })

  test('a write to one that is gone fails so that its sender knows, and did not happen', async () => {
    const before = await planes[1].ask('GET', '/api/v4/features')
    await assert.rejects(flip(planes[0], 3, false))
    const now = await planes[1].ask('GET', '/api/v4/features')
    assert.deepEqual(now.json, before.json)
  })
})
