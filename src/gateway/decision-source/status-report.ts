import { type Agent, request } from 'undici'
import {
  type ApplicationOutcomes,
  GATEWAY_REPORT_PATH,
  type GatewayIdentity,
  type GatewayReport,
  type SideTraffic,
} from '../../routing/index.ts'

/** Responses of one side since startup, and the number of 5xx among them. */
export interface SideTotals {
  requests: number
  failures: number
}

/** The state of a gateway reported in addition to its snapshot; the totals count from its start. */
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

/** The credentials and the identity to report with. */
interface ReportSettings {
  readonly token: string
  readonly environment: string
  readonly identity: GatewayIdentity
}

const EVERY_MS = 2_000
/** Long enough to combine many flips in one report, short enough to look immediate. */
const SOON_MS = 50
const LIMIT_MS = 2_000
/** Number of earlier totals kept: half a minute of reports. */
const KEPT_TOTALS = 15

/**
 * Reports the state of this gateway to the control plane: every 2 s while the snapshot stream is open, and soon after
 * each new snapshot. Nothing waits for it; if a report fails, only the control plane's data is out of date.
 */
export class StatusReport {
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

  /** Starts reporting, when the stream to this address of the control plane is open. */
  begin(url: string): void {
    this.#url = url
    this.#isOpen = true
    this.soon()
  }

  /** Pauses reporting, when the stream has ended. */
  pause(): void {
    this.#isOpen = false
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Schedules a report soon, because something has changed. */
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
      // An older control plane without this endpoint: no reports until the stream opens again.
      if (statusCode === 404) this.#isOpen = false
    } catch {
      // The stream already detects and logs that the control plane is down.
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
