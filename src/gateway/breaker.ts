/** When a circuit opens and how it closes again. */
export interface BreakerPolicy {
  /** This many failures in a row open it. */
  readonly consecutiveFailures: number
  /** Or this share of failures among at least `windowMinimum` outcomes of one window. */
  readonly failureRatio: number
  readonly windowMinimum: number
  readonly windowMs: number
  /** How long it stays open the first time; doubles up to `openMaxMs` with every probe that fails. */
  readonly openMs: number
  readonly openMaxMs: number
  /** How many requests may probe at once while it is half open, and how many must succeed to close it. */
  readonly probes: number
  readonly successesToClose: number
}

/** The policy a gateway has unless told otherwise. */
export const DEFAULT_BREAKER: BreakerPolicy = {
  consecutiveFailures: 5,
  failureRatio: 0.5,
  windowMinimum: 20,
  windowMs: 10_000,
  openMs: 1_000,
  openMaxMs: 30_000,
  probes: 2,
  successesToClose: 2,
}

/** What a circuit remembers. Times are milliseconds of one monotonic clock. */
export type BreakerState =
  | {
      readonly phase: 'closed'
      readonly inARow: number
      readonly windowFrom: number
      readonly successes: number
      readonly failures: number
    }
  | { readonly phase: 'open'; readonly until: number; readonly openings: number }
  | {
      readonly phase: 'half_open'
      readonly openings: number
      readonly underWay: number
      readonly succeeded: number
      /** Probes that have not come back by then are given up, so that lost ones cannot hold the circuit open. */
      readonly giveUpAt: number
    }

/** `neither`: the request ended without saying anything about the upstream, as when the client went away. */
export type BreakerOutcome = 'success' | 'failure' | 'neither'

const PROBE_PATIENCE_MS = 15_000

/** A circuit with nothing against it. */
export const CLOSED: Extract<BreakerState, { phase: 'closed' }> = {
  phase: 'closed',
  inARow: 0,
  windowFrom: 0,
  successes: 0,
  failures: 0,
}

/** Whether a request that could go elsewhere may be sent now. */
export function mayTry(state: BreakerState, now: number, policy: BreakerPolicy): boolean {
  if (state.phase === 'closed') return true
  if (state.phase === 'open') return now >= state.until
  return state.underWay < policy.probes || now >= state.giveUpAt
}

/** The state after a request was sent. */
export function afterSending(state: BreakerState, now: number): BreakerState {
  if (state.phase === 'closed') return state
  if (state.phase === 'open') return now >= state.until ? halfOpen(state.openings, now) : state
  if (now >= state.giveUpAt) return halfOpen(state.openings, now)
  return { ...state, underWay: state.underWay + 1 }
}

function halfOpen(openings: number, now: number): BreakerState {
  return { phase: 'half_open', openings, underWay: 1, succeeded: 0, giveUpAt: now + PROBE_PATIENCE_MS }
}

/**
 * The state after a request came back.
 *
 * @param random 0 to 1, spreads the open period so that many gateways do not probe in step
 */
export function afterOutcome(
  state: BreakerState,
  outcome: BreakerOutcome,
  now: number,
  policy: BreakerPolicy,
  random: number,
): BreakerState {
  if (state.phase === 'closed') return outcome === 'neither' ? state : closedAfter(state, outcome, now, policy, random)
  if (state.phase === 'open') return state
  const underWay = Math.max(0, state.underWay - 1)
  if (outcome === 'neither') return { ...state, underWay }
  if (outcome === 'failure') return opened(state.openings + 1, now, policy, random)
  const succeeded = state.succeeded + 1
  return succeeded >= policy.successesToClose ? { ...CLOSED, windowFrom: now } : { ...state, underWay, succeeded }
}

function closedAfter(
  state: Extract<BreakerState, { phase: 'closed' }>,
  outcome: 'success' | 'failure',
  now: number,
  policy: BreakerPolicy,
  random: number,
): BreakerState {
  const isStale = now - state.windowFrom >= policy.windowMs
  const failed = outcome === 'failure'
  const failures = (isStale ? 0 : state.failures) + (failed ? 1 : 0)
  const successes = (isStale ? 0 : state.successes) + (failed ? 0 : 1)
  const inARow = failed ? state.inARow + 1 : 0
  const total = failures + successes
  const isBad =
    inARow >= policy.consecutiveFailures || (total >= policy.windowMinimum && failures / total >= policy.failureRatio)
  if (failed && isBad) return opened(1, now, policy, random)
  return { phase: 'closed', inARow, windowFrom: isStale ? now : state.windowFrom, successes, failures }
}

function opened(openings: number, now: number, policy: BreakerPolicy, random: number): BreakerState {
  const period = Math.min(policy.openMaxMs, policy.openMs * 2 ** Math.min(openings - 1, 20))
  return { phase: 'open', until: now + period * (0.75 + random / 2), openings }
}
