import { type Agent, request } from 'undici'
import {
  type ApplicationOutcomes,
  GATEWAY_REPORT_PATH,
  type GatewayIdentity,
  type GatewayReport,
  type SideTraffic,
} from '../../routing/index.ts'

/** Answers of one side since the start, and those with 5xx among them. */
export interface SideTotals {
  requests: number
  failures: number
}

/** What is told of a gateway beside its snapshot; the totals are since its start. */
export interface Condition {
  readonly isCircuitOpen: boolean
  readonly openApplications: readonly number[]
  readonly applications: readonly ApplicationOutcomes[]
  readonly isBrakeOn: boolean
  readonly legacy: Readonly<SideTotals>
  readonly iam: Readonly<SideTotals>
}

/** The snapshot in use. */
type SnapshotHeld = Pick<GatewayReport, 'snapshotVersion' | 'snapshotEpoch' | 'snapshotStamp'>

/** Whom to tell, and as whom. */
interface ReportSettings {
  readonly token: string
  readonly environment: string
  readonly identity: GatewayIdentity
}

const EVERY_MS = 2_000
/** Long enough to tell of many flips at once, short enough to look immediate. */
const SOON_MS = 50
const LIMIT_MS = 2_000
/** Totals are kept for as many reports: half a minute. */
const KEPT_TOTALS = 15

/**
 * Tells the control plane how this gateway stands: every 2 s while the stream of snapshots is open, and soon after each
 * new snapshot. Nothing waits for it, and when it fails nothing happens but that the control plane knows less.
 */
export class StandingReport {
  readonly #settings: ReportSettings
  readonly #agent: Agent
  readonly #read: () => Condition & SnapshotHeld
  readonly #stop = new AbortController()
  #history: Array<Pick<Condition, 'legacy' | 'iam'>> = []
  #keptAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #underWay: Promise<void> | undefined
  #isDue = false
  #isOpen = false
  #url = ''

  constructor(settings: ReportSettings, agent: Agent, read: () => Condition & SnapshotHeld) {
    this.#settings = settings
    this.#agent = agent
    this.#read = read
  }

  /** The stream to this address of the control plane is open: reports begin. */
  begin(url: string): void {
    this.#url = url
    this.#isOpen = true
    this.soon()
  }

  /** The stream has ended: reports pause. */
  pause(): void {
    this.#isOpen = false
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** There is something new to tell. */
  soon(): void {
    if (!this.#isOpen) return
    if (this.#underWay) this.#isDue = true
    else this.#schedule(SOON_MS)
  }

  async close(): Promise<void> {
    this.pause()
    this.#stop.abort()
    await this.#underWay
  }

  #schedule(inMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#underWay = this.#tell().finally(() => {
        this.#underWay = undefined
        if (this.#isOpen) this.#schedule(this.#isDue ? SOON_MS : EVERY_MS)
        this.#isDue = false
      })
    }, inMs)
  }

  async #tell(): Promise<void> {
    try {
      const { statusCode, body } = await request(this.#url + GATEWAY_REPORT_PATH, {
        dispatcher: this.#agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#settings.token}` },
        body: JSON.stringify(this.#compose()),
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(LIMIT_MS)]),
      })
      await body.dump()
      // A control plane from before there were reports: nothing to tell until the stream opens again.
      if (statusCode === 404) this.#isOpen = false
    } catch {
      // The stream knows, and says, that the control plane is away.
    }
  }

  #compose(): GatewayReport {
    const { identity, environment } = this.#settings
    const { legacy, iam, ...condition } = this.#read()
    const oldest = this.#history[0]
    if (performance.now() - this.#keptAt >= EVERY_MS) {
      this.#history = [...this.#history.slice(1 - KEPT_TOTALS), { legacy: { ...legacy }, iam: { ...iam } }]
      this.#keptAt = performance.now()
    }
    return {
      ...identity,
      environment,
      ...condition,
      legacy: since(oldest?.legacy, legacy),
      iam: since(oldest?.iam, iam),
    }
  }
}

function since(then: Readonly<SideTotals> | undefined, now: Readonly<SideTotals>): SideTraffic {
  return {
    requests: now.requests - (then?.requests ?? 0),
    failures: now.failures - (then?.failures ?? 0),
  }
}
