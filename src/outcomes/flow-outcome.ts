import type { OutcomeCause, OutcomeKind, OutcomeSide } from './vocabulary.ts'

/** The outcome of one grant, after its tries have been grouped. Holds no credential. */
export interface FlowOutcome {
  /** The name of an environment, as flags use it. */
  readonly environment: string
  readonly applicationId: number
  /** The side that answered, or that should have. */
  readonly side: OutcomeSide
  readonly kind: OutcomeKind
  readonly cause: OutcomeCause
  /**
   * What happened, as one word: an OAuth error (`invalid_client`), a status (`status_503`), or `timed_out`, `cut_off`,
   * `unreachable`, `unreadable`, `walked_away`; undefined for a success.
   */
  readonly error: string | undefined
  /** When the first try began, in milliseconds since the epoch, by the control plane's clock. */
  readonly at: number
  /** The duration of the decisive try, in milliseconds. */
  readonly durationMs: number
  /** A keyed hash of at least 96 bits in characters of base64url; equal for all tries of one grant. */
  readonly grant: string
  /** A keyed hash of the caller's network; only suitable to count distinct callers. */
  readonly caller: string
  /** The correlation id of the decisive try: the worst, or the one that succeeded. */
  readonly requestId: string
  /** An earlier try of this grant failed. */
  readonly isRecovered: boolean
  /** A hash of the response's shape (status, error, keys, types, classes of length); undefined if it was not read. */
  readonly shape: string | undefined
}

/** The kinds of flow that a user completes after a start. */
export type CompletedFlow = Extract<OutcomeKind, 'sign_in' | 'device'>

/**
 * What guards receive, in order. `counted`: an outcome as soon as its first try ended; a failure is provisional.
 * `revised`: a later try of the same grant within 30 s changed it; replaces the outcome with the same environment,
 * application, side, kind and grant. `completion`: a start, judged when its time is over, in the order in which the
 * starts of one application, side and flow began. `lost`: the number of observations of an environment that never arrived.
 */
export type OutcomeChange =
  | { readonly kind: 'counted' | 'revised'; readonly outcome: FlowOutcome; readonly isProbe: boolean }
  | {
      readonly kind: 'completion'
      readonly environment: string
      readonly applicationId: number
      readonly side: OutcomeSide
      readonly flow: CompletedFlow
      readonly isComplete: boolean
      /** Milliseconds since the epoch. */
      readonly startedAt: number
      readonly grant: string
      readonly caller: string
      readonly requestId: string
      readonly isProbe: boolean
    }
  | { readonly kind: 'lost'; readonly environment: string; readonly count: number }
