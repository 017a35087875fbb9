import { issueProbeMark, PROBE_MARK_HEADER } from '../../../credentials/index.ts'
import type { Environment } from '../../../flags/index.ts'
import type { OutcomeKind, OutcomeSide } from '../../../outcomes/index.ts'
import {
  type InjectedFault,
  type InjectedFaultResult,
  type ProbeResult,
  probe,
  probeFault,
  type Twin,
  type WireSettings,
} from '../../../probes/index.ts'
import type { Database } from '../../../storage/index.ts'
import { type Occasion, storeProbes } from './probe-store.ts'
import type { ProbeSettings } from './settings.ts'
import type { KnownTwin } from './twins.ts'

/** What a run is to do. */
export interface ProbeRequest {
  readonly twin: KnownTwin
  /** The side that is to serve the flows; undefined: the one that the flag says. */
  readonly side: OutcomeSide | undefined
  /** Undefined: all kinds of the twin. */
  readonly kinds?: readonly OutcomeKind[] | undefined
  readonly faults?: readonly InjectedFault[]
  readonly occasion: Occasion
}

/** What a run found. */
export interface ProbeReport {
  readonly twin: KnownTwin
  readonly side: OutcomeSide | undefined
  readonly hasSucceeded: boolean
  readonly results: readonly ProbeResult[]
  readonly faults: readonly InjectedFaultResult[]
  /** How many requests it sent. */
  readonly requests: number
}

/** Runs the probes of one environment and stores what they find. */
export interface ProbeRunner {
  run(request: ProbeRequest): Promise<ProbeReport>
  /** Runs a twin without storing anything, for drills. */
  try(twin: Twin, mark: MarkWish): Promise<readonly ProbeResult[]>
  /** The connection to the gateway that the requests of a twin use. */
  wire(twin: Twin, mark: MarkWish): WireSettings
  /** Ends the runs in progress. */
  close(): void
}

/** What the gateway is asked to do with the requests of a run. */
export interface MarkWish {
  readonly side: OutcomeSide | undefined
  readonly cannotReachIam?: boolean
}

/** Creates the runner of an environment's probes. */
export function createProbeRunner(
  settings: ProbeSettings,
  {
    environment,
    database,
    schema,
  }: { readonly environment: Environment; readonly database: Database; readonly schema: string },
): ProbeRunner {
  const closing = new AbortController()
  const wire = ({ clientId }: Twin, { side, cannotReachIam = false }: MarkWish): WireSettings => {
    const { origin, stepLimitMs, markKey } = settings
    const wanted = { clientId, side: side === 'rails' ? ('legacy' as const) : side, cannotReachIam }
    const headers = () => ({ [PROBE_MARK_HEADER]: issueProbeMark(wanted, markKey(), Date.now() / 1_000) })
    return { origin, stepLimitMs, headers, signal: closing.signal }
  }
  const attempt = async (twin: Twin, mark: MarkWish) =>
    (await probe(twin, wire(twin, mark))).map((result) => checkedSide(result, mark.side))
  return {
    wire,
    try: attempt,
    close: () => closing.abort(),
    async run({ twin, side, kinds = twin.twin.kinds, faults = [], occasion }) {
      const wanted = { ...twin.twin, kinds: twin.twin.kinds.filter((kind) => kinds.includes(kind)) }
      const results = await attempt(wanted, { side })
      const tried: InjectedFaultResult[] = []
      for (const fault of faults) tried.push(await probeFault(fault, twin.twin, wire(twin.twin, { side })))
      const { name, applicationId } = twin
      await storeProbes(database, schema, { environment, twin: name, applicationId, occasion }, results)
      const all = [...results.map(({ verdict }) => verdict), ...tried.map(({ verdict }) => verdict)]
      return {
        ...{ twin, side, results, faults: tried },
        hasSucceeded: all.length > 0 && all.every((verdict) => verdict === 'succeeded'),
        requests: [...results, ...tried].reduce((sum, { steps }) => sum + steps.length, 0),
      }
    },
  }
}

/** A flow that succeeded on the other side did not prove what it should. */
function checkedSide(result: ProbeResult, side: OutcomeSide | undefined): ProbeResult {
  const isElsewhere = side !== undefined && result.side !== undefined && result.side !== side
  if (!isElsewhere || result.verdict !== 'succeeded') return result
  return { ...result, verdict: 'failed', failedAt: 'routing', error: 'wrong_side' }
}
