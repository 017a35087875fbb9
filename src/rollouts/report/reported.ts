/** A rollout as reports show it: the fields of `GET /api/v1/rollouts/:id` that they need. */
export interface ReportedRollout {
  readonly id: number
  readonly name: string
  readonly flag: string
  readonly environment: string
  readonly state: string
  /** The step in force; 0 before the first. */
  readonly step: number
  /** The last step that was ever in force, also after going back. */
  readonly furthest_step: number
  /** ISO 8601; null when it is not known. */
  readonly earliest_next_at: string | null
  /** Sentences. */
  readonly waiting_for: readonly string[]
  readonly steps: readonly ReportedStep[]
  readonly excluded: readonly ReportedExclusion[]
}

/** A step as it was planned or carried out. */
export interface ReportedStep {
  readonly number: number
  /** What it moves, in words. */
  readonly moves: string
  /** How many applications it moves or moved; null before that is known. */
  readonly applications: number | null
  /** Between 0 and 1; null while no traffic is known. */
  readonly traffic_share: number | null
}

/** An application that was taken out. */
export interface ReportedExclusion {
  readonly application_id: number
  readonly guard: string
  readonly cause: string | null
  readonly sentence: string
  readonly at: string
}

/** An entry of the timeline. */
export interface ReportedEvent {
  readonly number: number
  readonly at: string
  readonly by: string
  readonly kind: string
  readonly sentence: string
}
