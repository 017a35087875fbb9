import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { createServerDatabase } from '../../../../test/support/database.ts'
import { type FaultProxy, openFaultProxy } from '../../../../test/support/fault-proxy.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { type Database, openDatabase } from '../../../storage/index.ts'
import type { AttemptRequest } from '../guards/guards.ts'
import { ScriptedGuards } from '../testing/scripted-guards.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const server = process.env.HANDOVER_TEST_DATABASE_URL
const STEPS = 6

/** Guards that take PostgreSQL away between a decision and its change of the flag, for every second step. */
class BreakingGuards extends ScriptedGuards {
  readonly #proxy: FaultProxy
  isAway = false

  constructor(proxy: FaultProxy) {
    super()
    this.#proxy = proxy
  }

  override async begin(...attempts: readonly AttemptRequest[]): Promise<void> {
    const isNew = ({ applicationId }: { applicationId: number }) =>
      applicationId % 2 === 0 && !this.begun.some((each) => each.startsWith(`${applicationId} `))
    const breaks = attempts.some(isNew)
    await super.begin(...attempts)
    if (!breaks) return
    await this.#proxy.set('refuses')
    this.isAway = true
  }
}

describe('PostgreSQL that goes away in the middle of a decision', {
  skip: server === undefined && 'no PostgreSQL',
}, () => {
  let database: Database
  let proxy: FaultProxy
  let plane: TestControlPlane
  let guards: BreakingGuards
  let remove = async () => {}
  before(async () => {
    const created = await createServerDatabase(server ?? '')
    remove = created.remove
    const url = new URL(created.url)
    proxy = await openFaultProxy({ host: '127.0.0.1', port: 0 }, { host: url.hostname, port: Number(url.port) })
    url.host = new URL(proxy.url).host
    database = await openDatabase({ kind: 'postgres', url: url.href })
    guards = new BreakingGuards(proxy)
    plane = await startTestControlPlane(database, { guards, testControls: true })
    for (let id = 1; id <= STEPS; id++) await plane.announce(testApplication(id))
  })
  after(async () => {
    await plane?.close()
    await database?.close()
    await proxy?.close()
    await remove()
  })

  test('delays its steps, and skips or repeats none', async () => {
    const ids = Array.from({ length: STEPS }, (_, at) => at + 1)
    guards.show(ids, 10)
    const plan = {
      ...{ version: 1, name: 'away', flag: FLAG, environment: 'dev', dwell: '50ms', soak: '50ms' },
      ...{ evidence: { outcomes: 3 }, steps: ids.map((id) => ({ applications: [id] })) },
    }
    const { id, version } = (await plane.ask('POST', '/api/v1/rollouts', { json: { plan } })).json
    const path = `/api/v1/rollouts/${id}`
    await plane.ask('POST', `${path}/actions`, { json: { action: 'start', version } })
    for (let outages = 0; outages < STEPS / 2; outages++) {
      await eventually('PostgreSQL is away', () => guards.isAway)
      await eventually('the control plane notices', async () => (await plane.ask('GET', '/readyz')).status !== 200)
      guards.isAway = false
      await proxy.set('open')
    }
    await eventually('completed', async () => (await plane.ask('GET', path)).json.state === 'completed')
    const { events } = (await plane.ask('GET', `${path}/events?limit=1000`)).json
    const steps = events.filter(({ kind }: { kind: string }) => kind === 'step')
    assert.deepEqual(
      steps.map(({ sentence }: { sentence: string }) => Number(/^Step (\d+)/.exec(sentence)?.[1])),
      ids,
    )
    const { entries } = (await plane.ask('GET', '/api/v1/audit?by=handover-rollouts&limit=100')).json
    const writes = entries.filter(({ action }: { action: string }) => action === 'flag.set')
    assert.equal(writes.length, STEPS, 'the flag was changed once for each step')
  })
})
