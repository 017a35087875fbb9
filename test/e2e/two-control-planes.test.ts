import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type RunningGateway, startGateway } from '../../src/gateway/index.ts'
import { type RunningServer, serve } from '../../src/http/index.ts'
import { silentLog } from '../../src/observability/index.ts'
import { type Database, openDatabase } from '../../src/storage/index.ts'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../support/control-plane.ts'
import { createServerDatabase } from '../support/database.ts'
import { freePorts } from '../support/ports.ts'
import { startHandover } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually, untilReady } from '../support/wait.ts'

const FLAG = '/api/v4/features/proxy_oauth_requests_to_iam_service'
const server = process.env['HANDOVER_TEST_DATABASE_URL']
const LOCAL = { host: '127.0.0.1', port: 0 }

describe('two control planes on one PostgreSQL', {
  skip: server === undefined && 'there is no server to test with',
}, () => {
  const scratch = scratchDirectory('two-planes')
  const databases: Database[] = []
  let remove: () => Promise<void>
  let databaseUrl = ''
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
  /** A gateway that follows the first of these control planes, and fails over to the others. */
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
    databaseUrl = created.url
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

  test('both answer concurrent writes alike, and no change is lost', async () => {
    const answers = await Promise.all(planes.flatMap((plane) => [1, 2, 3].map((id) => flip(plane, id, true))))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201])
    const views = await Promise.all(planes.map((plane) => plane.ask('GET', '/api/v4/features')))
    const [first, second] = views.map(({ json }) => json[0].gates)
    assert.deepEqual(first, second)
    assert.equal(first.find(({ key }: { key: string }) => key === 'actors').value.length, 3)
  })

  test('a gateway with a control plane that is gone follows the other, and misses nothing', async () => {
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

  test('answered writes on a killed control plane are there, and the outcome of the others can be looked up', async () => {
    const ids = Array.from({ length: 30 }, (_, index) => 100 + index)
    for (const id of ids) await planes[1].announce(testApplication(id))
    const [port = 0] = await freePorts(1)
    const file = (name: string) => join(scratch.path, name)
    const program = await startHandover([
      ...['control', '--listen', `127.0.0.1:${port}`, '--database-url', databaseUrl, '--log-level', 'error'],
      ...['--admin-token-file', file('admin-token'), '--gateway-token-file', file('gateway-token')],
      ...['--replication-token-file', file('replication-token'), '--routing-secret-file', file('routing-secret')],
    ])
    await untilReady(`http://127.0.0.1:${port}/readyz`)
    const answered: number[] = []
    const write = async (id: number) => {
      const answer = await fetch(`http://127.0.0.1:${port}${FLAG}`, {
        method: 'POST',
        headers: { 'private-token': planes[1].adminToken, 'content-type': 'application/json' },
        body: JSON.stringify({ value: 'true', oauth_application: String(id) }),
        signal: AbortSignal.timeout(10_000),
      })
      await answer.text()
      if (answer.status !== 201) throw new Error(`answered ${answer.status}`)
      answered.push(id)
      if (answered.length === 8) program.kill('SIGKILL')
    }
    const outcomes = await Promise.allSettled(ids.map(write))
    await program.ended
    const failed = outcomes.filter(({ status }) => status === 'rejected')
    assert.ok(failed.length > 0, 'it was killed in the middle')
    const { json } = await planes[1].ask('GET', '/api/v4/features')
    const held = new Set<string>(json[0].gates.find(({ key }: { key: string }) => key === 'actors').value)
    for (const id of answered) assert.ok(held.has(`Authn::OauthApplication:${id}`), `${id} was answered and is lost`)
    // The outcome of an unanswered write can be queried, and sending it again is harmless.
    for (const id of ids) assert.equal((await flip(planes[1], id, true)).status, 201)
  })

  test('a write to a stopped control plane fails visibly, and did not happen', async () => {
    const before = await planes[1].ask('GET', '/api/v4/features')
    await assert.rejects(flip(planes[0], 3, false))
    const now = await planes[1].ask('GET', '/api/v4/features')
    assert.deepEqual(now.json, before.json)
  })
})
