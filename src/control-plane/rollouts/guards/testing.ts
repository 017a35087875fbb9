import type { FlowOutcome, OutcomeChange } from '../../../outcomes/index.ts'

let made = 0

/** An outcome on IAM of application 3, a success by default; each call makes another grant. */
export function outcomeOf(over: Partial<FlowOutcome> = {}): FlowOutcome {
  made++
  return {
    ...{ environment: 'production', applicationId: 3, side: 'iam', kind: 'refresh', cause: 'success' },
    ...{ error: undefined, at: 0, durationMs: 20, grant: `grant ${made}`, caller: `caller ${made % 3}` },
    ...{ requestId: `request ${made}`, isRecovered: false, shape: 'usual' },
    ...over,
  }
}

/** A failure of the server. */
export function failureOf(over: Partial<FlowOutcome> = {}): FlowOutcome {
  return outcomeOf({ cause: 'server', error: 'invalid_client', ...over })
}

/** The change that counts an outcome. */
export function counted(outcome: FlowOutcome, isProbe = false): OutcomeChange {
  return { kind: 'counted', outcome, isProbe }
}
