import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { type RunningGateway, startGateway } from '../../gateway/index.ts'
import { silentLog } from '../../observability/index.ts'
import { GATEWAY_REPORT_PATH } from '../../routing/index.ts'
import { freshRecord, mergeRecords } from './gateway-record.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

interface Listed {
  readonly version: number
  readonly gateways: ReadonlyArray<Record<string, unknown>>
}

for (const engine of testDatabases()) {
  describe(`gateways that follow two replicas on ${engine.kind}`, () => {
    let database: TestDatabase
    let first: TestControlPlane
    let second: TestControlPlane
    const gateways: RunningGateway[] = []
    before(async () => {
      database = await engine.open()
      first = await startTestControlPlane(database.database)
      second = await startTestControlPlane(database.database, { schema: first.schema, directory: first.directory })
    })
    after(async () => {
      for (const gateway of gateways) await gateway.close()
      await first.close()
      await second.close()
      await database.close()
    })

    const start = async (plane: TestControlPlane, name: string, environment: string) => {
      const gateway = await startGateway(
        {
          listen: { host: '127.0.0.1', port: 0 },
          legacyUrl: 'http://127.0.0.1:9',
          iamUrl: 'http://127.0.0.1:9',
          source: {
            ...{ kind: 'control', url: plane.url, token: plane.gatewayToken, environment, stateFile: undefined },
            identity: { instance: `instance-${name}`, name, version: '1.2.3', commit: 'abcdef1' },
          },
          limits: { drainMs: 100 },
        },
        silentLog,
      )
      gateways.push(gateway)
      return gateway
    }
    const listed = async (plane: TestControlPlane, query = ''): Promise<Listed> => {
      const { json } = await plane.ask('GET', `/api/v1/gateways${query}`)
      return json as Listed
    }
    const isUpToDate = ({ version, gateways: all }: Listed, count: number) =>
      all.length === count && all.every((each) => each['snapshot_version'] === version && each['behind_ms'] === 0)

    test('cannot remove a gateway of another environment than that of their token from its list', async () => {
      const plane = await startTestControlPlane(database.database)
      const replica = await startTestControlPlane(database.database, {
        ...{ schema: plane.schema, directory: plane.directory },
      })
      try {
        const made = await plane.ask('POST', '/api/v1/tokens', {
          json: { role: 'gateway', name: 'of-dev', environments: ['dev'] },
        })
        const report = (environment: string) => ({
          ...{ instance: 'i-1', name: 'ill', version: '1', environment, snapshotVersion: 1, isBrakeOn: false },
          ...{ isCircuitOpen: true, legacy: { requests: 0, failures: 0 }, iam: { requests: 0, failures: 0 } },
        })
        const tell = (at: TestControlPlane, token: string, environment: string) =>
          at.ask('POST', GATEWAY_REPORT_PATH, { token, json: report(environment) })
        assert.equal((await tell(plane, plane.gatewayToken, 'production')).status, 204)
        for (const at of [plane, replica]) {
          await eventually('the token is known', async () => (await tell(at, made.json.token, 'dev')).status === 204)
        }
        await eventually('the replica is heard', async () => (await listed(plane)).gateways.length === 2)
        const { gateways: all } = await listed(plane, '?environment=production')
        assert.deepEqual(
          all.map(({ name }) => name),
          ['ill'],
        )
      } finally {
        await plane.close()
        await replica.close()
      }
    })

    test('are listed by each replica with name, version, environment and the snapshot they hold', async () => {
      await start(first, 'one', 'production')
      await start(second, 'two', 'staging')
      for (const plane of [first, second]) {
        await eventually('both gateways are up to date', async () => isUpToDate(await listed(plane), 2))
      }
      const { gateways: all } = await listed(second)
      assert.deepEqual(
        all.map(({ name, environment, version, commit, connected }) => ({
          name,
          environment,
          version,
          commit,
          connected,
        })),
        [
          { name: 'one', environment: 'production', version: '1.2.3', commit: 'abcdef1', connected: true },
          { name: 'two', environment: 'staging', version: '1.2.3', commit: 'abcdef1', connected: true },
        ],
      )
      assert.equal((await listed(first, '?environment=staging')).gateways.length, 1)
    })

    test('acknowledge a flip, every one of them', async () => {
      await first.announce(testApplication(1))
      const { version: was } = await listed(first)
      const answer = await first.ask('POST', `/api/v4/features/${FLAG}`, { form: { value: 'true' } })
      assert.equal(answer.status, 201, answer.text)
      await eventually('both gateways hold the new version', async () => {
        const now = await listed(second)
        return now.version > was && isUpToDate(now, 2)
      })
    })

    test('are listed as gone when they stop, and their served requests are counted', async () => {
      const [gateway] = gateways
      assert.ok(gateway)
      await fetch(`${gateway.url}/oauth/authorize?client_id=client-1`).then((answer) => answer.body?.cancel())
      await eventually('the failure has been reported', async () => {
        const { gateways: all } = await listed(second, '?environment=production')
        return (all[0]?.['legacy'] as { failures: number } | null)?.failures === 1
      })
      await gateway.close()
      await eventually('the gateway is gone', async () => {
        const { gateways: all } = await listed(second, '?environment=production')
        return all.length === 1 && all[0]?.['connected'] === false
      })
      const metrics = (await first.ask('GET', '/metrics')).text
      assert.match(metrics, /handover_control_gateways\{environment="production"\} 0/)
    })

    test('only gateways report, and invalid reports are refused', async () => {
      const report = { instance: 'x', name: 'x', version: '1', environment: 'production' }
      const path = '/api/v1/gateways/reports'
      assert.equal((await first.ask('POST', path, { json: report })).status, 403)
      assert.equal((await first.ask('POST', path, { json: report, token: first.gatewayToken })).status, 400)
      assert.equal((await first.ask('GET', '/api/v1/gateways', { token: first.gatewayToken })).status, 403)
    })
  })
}

test('records of two replicas about one gateway merge: connected where its stream is, with the latest report', () => {
  const seen = { ...freshRecord('a', 'production', 1_000), isConnected: true, connectedAt: 1_000 }
  const reported = { ...freshRecord('a', 'production', 5_000), name: 'a', isCircuitOpen: true, isBrakeOn: false }
  for (const lists of [
    [[seen], [reported]],
    [[reported], [seen]],
  ]) {
    const [record] = mergeRecords(lists)
    assert.deepEqual(record, { ...reported, isConnected: true, connectedAt: 1_000 })
  }
})
