import assert from 'node:assert/strict'
import { ROUTING_FLAG } from '../../src/routing/index.ts'
import {
  CALLBACK,
  clientId,
  SIDES,
  type SideName,
  type Site,
  type SiteSettings,
  secretOf,
  startSite,
} from '../attacks/site.ts'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../support/database.ts'
import { eventually } from '../support/wait.ts'

const SHOWN = { monolith: 'rails', iam: 'iam' } as const
type Kind = 'web' | 'odd'
const ID: Record<SideName, Record<Kind, number>> = { monolith: { web: 1, odd: 4 }, iam: { web: 11, odd: 14 } }

/** Monolith, IAM and a gateway that reports to a control plane: what it makes of flows is what the tests look at. */
export class ObservedSite {
  readonly store: TestDatabase
  readonly plane: TestControlPlane
  readonly site: Site

  private constructor(store: TestDatabase, plane: TestControlPlane, site: Site) {
    this.store = store
    this.plane = plane
    this.site = site
  }

  /** Starts all parts; the web application of IAM has moved, and no other. */
  static async start(settings: SiteSettings = {}): Promise<ObservedSite> {
    const engine = testDatabases().at(-1)
    assert.ok(engine)
    const store = await engine.open()
    const plane = await startTestControlPlane(store.database)
    for (const side of SIDES) {
      for (const kind of ['web', 'odd'] as const) {
        await plane.announce(testApplication(ID[side][kind], { client_id: clientId(side, kind), confidential: true }))
      }
    }
    const identity = { instance: 'gateway-under-test', name: 'test', version: '1', commit: undefined }
    const control = { kind: 'control', url: plane.url, token: plane.gatewayToken, environment: 'production' } as const
    const source = { ...control, stateFile: undefined, identity }
    const gateway = { source, flowKey: Buffer.alloc(32, 3), ...settings.gateway }
    const observed = new ObservedSite(store, plane, await startSite({ ...settings, gateway }))
    await observed.move('web')
    return observed
  }

  async close(): Promise<void> {
    await this.site.close()
    await this.plane.close()
    await this.store.close()
  }

  /** Moves an application of IAM. */
  async move(kind: Kind): Promise<void> {
    await this.plane.ask('POST', `/api/v4/features/${ROUTING_FLAG}`, {
      json: { value: 'true', oauth_application: String(ID.iam[kind]) },
    })
  }

  /** Sends a token request as the web application of a side, or another of its applications. */
  token(side: SideName, form: Readonly<Record<string, string>>, kind: Kind = 'web') {
    const own = { client_id: clientId(side, kind), client_secret: secretOf(side) }
    return this.site.send('/oauth/token', { form: { ...own, ...form } })
  }

  exchange(side: SideName, code: string, over: Readonly<Record<string, string>> = {}) {
    return this.token(side, { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, ...over })
  }

  /** The counts of one application, summed up over time: kind and cause, for example `refresh server`. */
  async counts(side: SideName, kind: Kind = 'web', answeredBy: SideName = side): Promise<Record<string, number>> {
    const { json } = await this.plane.ask('GET', `/api/v1/outcomes?oauth_application=${ID[side][kind]}`)
    const sums: Record<string, number> = {}
    for (const { side: at, kind: flow, cause, count } of json.outcomes) {
      if (at === SHOWN[answeredBy]) sums[`${flow} ${cause}`] = (sums[`${flow} ${cause}`] ?? 0) + count
    }
    return sums
  }

  /** Runs a flow and waits until it has added exactly `wanted` to the counts of an application on a side. */
  async adds(
    [side, kind = 'web', answeredBy = side]: readonly [SideName, Kind?, SideName?],
    wanted: Record<string, number>,
    flow: () => Promise<unknown>,
  ): Promise<void> {
    const earlier = await this.counts(side, kind, answeredBy)
    await flow()
    let added: Record<string, number> = {}
    const isThere = async () => {
      const now = await this.counts(side, kind, answeredBy)
      added = Object.fromEntries(
        Object.entries(now)
          .map(([key, count]) => [key, count - (earlier[key] ?? 0)] as const)
          .filter(([, count]) => count !== 0),
      )
      return JSON.stringify(Object.entries(added).sort()) === JSON.stringify(Object.entries(wanted).sort())
    }
    await eventually(`${JSON.stringify(wanted)} on ${side}`, isThere).catch(() => assert.deepEqual(added, wanted))
  }
}
