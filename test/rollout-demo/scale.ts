import { type Breakage, breakages, type FlowName } from './quirks.ts'

/** How large and how long the demonstration is. */
export interface DemoScale {
  readonly clients: number
  /** The ways in which some of the clients break; each names the step that moves its client. */
  readonly breakages: readonly Breakage[]
  /** Weights of the flows that clients use which do not break. */
  readonly flows: ReadonlyArray<readonly [number, FlowName]>
  /** The percentages of the rollout's steps after the sample of the cohorts. */
  readonly percentages: readonly number[]
  /** Mean time between two flows of the slowest and of the fastest client. */
  readonly pace: { readonly slowestMs: number; readonly fastestMs: number }
  /** How long the guards learn each client's past on legacy. */
  readonly baselineMs: number
  /** The plan's durations. */
  readonly dwell: string
  readonly soak: string
}

/** One hour of the clients' time. */
const LATE_MS = 20_000
const SIGN_INS: DemoScale['flows'] = [
  [3, 'code'],
  [2, 'code and refresh'],
  [1, 'device'],
]
/** Below this, clients are about equally fast: one with more than a tenth of the traffic moves only by name. */
const FEW_CLIENTS = 100

/** The whole demonstration: twelve clients break, two of them only after an hour. */
export function fullScale(clients: number): DemoScale {
  return {
    ...{ clients, breakages: breakages(LATE_MS), percentages: [10, 25, 50, 75, 100] },
    flows: [[4, 'client credentials'], ...SIGN_INS],
    pace: clients < FEW_CLIENTS ? { slowestMs: 8_000, fastestMs: 4_000 } : { slowestMs: 20_000, fastestMs: 400 },
    ...{ baselineMs: 45_000, dwell: '15s', soak: '60s' },
  }
}

/** A demonstration of a few minutes: one client breaks in each of four ways, in two steps. */
export function shortScale(): DemoScale {
  const chosen = new Map([
    ['invalid_scope', 1],
    ['invalid_request', 1],
    ['device codes', 2],
    ['codes are no longer found', 2],
  ])
  const all = breakages(LATE_MS / 2)
  const broken = [...chosen].map(([words, step]) => {
    const found = all.find(({ name, causes }) => name.includes(words) || causes.includes(words))
    if (found === undefined) throw new RangeError(`no breakage is about ${words}`)
    return { ...found, step }
  })
  return {
    ...{ clients: 24, breakages: broken, percentages: [50, 100] },
    // Client credentials count once a minute, so clients that use them would leave each of the others a larger share.
    ...{ flows: SIGN_INS, pace: { slowestMs: 3_000, fastestMs: 3_000 } },
    ...{ baselineMs: 20_000, dwell: '10s', soak: '25s' },
  }
}
