import type { GuardJudgement, GuardReading, PooledReading } from '../../../guards/index.ts'
import type { QueryGuard, QueryReading } from './metric-query.ts'

/** Attempts of a large step are begun, ended and renewed this many at once: one transaction stays short. */
export const ATTEMPTS_AT_ONCE = 200

/** What an attempt begins with. */
export interface AttemptRequest {
  readonly environment: string
  readonly flag: string
  readonly applicationId: number
  /**
   * Why the attempt begins. A new version or configuration of IAM (`iam:…`), rotated keys (`keys:…`), a changed
   * registration (`registration:…`) and a person's retry (`retry:…`) begin a new attempt, each once. Any other reason
   * begins the first attempt of an application under a flag, and continues the latest one after that.
   */
  readonly reason: string
  /** Without any flow on IAM, the attempt may pass on its probes. */
  readonly passOnProbes: boolean
  /** The failure rate that must be ruled out for a pass. Default 0.1. */
  readonly passBound?: number
}

/** The guards of all environments, on the replica that leads; elsewhere they only read what the leader stored. */
export interface Guards {
  /**
   * Begins attempts, each of another application or under another flag: fixes the tolerated rates and writes their
   * records, all or none of them. Does nothing for a reason that has begun an attempt before if that attempt is open;
   * continues it, failures included, if it has ended. Rejects with `LostLeadershipError` on a replica that does not lead.
   */
  begin(...attempts: readonly AttemptRequest[]): Promise<void>
  /** Ends the open attempts of applications under a flag, where there are any: the applications were moved back. */
  end(environment: string, flag: string, ...applicationIds: readonly number[]): Promise<void>
  /**
   * Begins a new attempt for every open one of an environment that began before a moment (milliseconds since 1970), such
   * as that of a deployment of IAM (`iam:…`). The caller notices the new version.
   */
  renew(environment: string, reason: string, before: number): Promise<void>
  /**
   * The readings of one application (of its last attempt, if none is open), or of all with an open attempt; empty on a
   * replica that does not lead.
   */
  readings(environment: string, applicationId?: number): readonly GuardReading[]
  /** The same on any replica: where it does not lead, from what the leader stored a few seconds ago. */
  storedReadings(environment: string, applicationId?: number): Promise<readonly GuardReading[]>
  /** The evidence of each cohort with moved applications, and of all; empty on a replica that does not lead. */
  pooledReadings(environment: string): readonly PooledReading[]
  /** The same on any replica. */
  storedPooledReadings(environment: string): Promise<readonly PooledReading[]>
  /** The verdict on the present value of a PromQL query. Never rejects. */
  readQuery(guard: QueryGuard): Promise<QueryReading>
  /**
   * What the present evidence about moved applications asks for; failures of several for one cause within `togetherMs`
   * (default: 10 minutes) are one fault.
   */
  judge(environment: string, moved: readonly number[], togetherMs?: number): GuardJudgement
  /** Called when the level of an application changes. Returns a function that ends that. */
  subscribe(on: (environment: string, applicationId: number) => void): () => void
}

const NEW_ATTEMPT = /^(iam|keys|registration|retry):/

/**
 * Whether a reason begins a new attempt of an application that had attempts before, for the reasons in `earlier`; the
 * first attempt begins for any reason.
 */
export function beginsNewAttempt(reason: string, earlier: readonly string[]): boolean {
  return earlier.length === 0 || (NEW_ATTEMPT.test(reason) && !earlier.includes(reason))
}
