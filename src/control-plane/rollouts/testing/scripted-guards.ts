import type { GuardJudgement, GuardReading } from '../../../guards/index.ts'
import type { GuardPort } from '../engine/facts.ts'
import type { AttemptRequest } from '../guards/guards.ts'
import type { QueryReading } from '../guards/metric-query.ts'

/** Guards whose readings a test decides. */
export class ScriptedGuards implements GuardPort {
  readonly begun: string[] = []
  readonly ended: number[] = []
  readonly #readings = new Map<number, GuardReading>()
  readonly #listeners = new Set<(environment: string, applicationId: number) => void>()
  judgement: GuardJudgement | undefined
  readonly renewed: Array<{ readonly environment: string; readonly reason: string; readonly before: number }> = []
  /** What queries say, by name. */
  readonly queries = new Map<string, Pick<QueryReading, 'verdict' | 'value'>>()

  async begin(...attempts: readonly AttemptRequest[]): Promise<void> {
    for (const { applicationId, reason } of attempts) {
      this.begun.push(`${applicationId} ${reason}`)
      // A new attempt has counted nothing.
      if (reason.startsWith('retry:')) this.#readings.delete(applicationId)
    }
  }

  async end(_environment: string, _flag: string, ...applicationIds: readonly number[]): Promise<void> {
    this.ended.push(...applicationIds)
  }

  async renew(environment: string, reason: string, before: number): Promise<void> {
    this.renewed.push({ environment, reason, before })
  }

  async readQuery({ name }: Parameters<GuardPort['readQuery']>[0]): Promise<QueryReading> {
    const { verdict = 'not_enough_evidence' as const, value } = this.queries.get(name) ?? {}
    return { guard: `query:${name}`, verdict, value, sentence: `the query ${name} says ${verdict}` }
  }

  readings(): readonly GuardReading[] {
    return [...this.#readings.values()]
  }

  judge(_environment: string, moved: readonly number[]): GuardJudgement {
    if (this.judgement !== undefined) return this.judgement
    const readings = this.readings().filter(
      ({ verdict, applicationId }) => verdict === 'fail' && moved.includes(applicationId),
    )
    return readings.length === 0 ? { do: 'continue' } : { do: 'exclude', readings }
  }

  subscribe(on: (environment: string, applicationId: number) => void): () => void {
    this.#listeners.add(on)
    return () => this.#listeners.delete(on)
  }

  /** Lets applications have had these outcomes; three failures make the guard fail. */
  show(applications: readonly number[], outcomes: number, failures = 0): void {
    for (const applicationId of applications)
      this.#readings.set(applicationId, readingOf(applicationId, outcomes, failures))
    this.tell()
  }

  clear(): void {
    this.#readings.clear()
    this.judgement = undefined
    this.queries.clear()
  }

  tell(): void {
    for (const listener of this.#listeners) listener('dev', 0)
  }
}

/** A reading of the guard of failures. */
export function readingOf(applicationId: number, outcomes: number, failures: number): GuardReading {
  const isFailing = failures >= 3
  return {
    ...{ applicationId, guard: 'failures', outcomes, failures, toleratedRate: 0.05, threshold: 1_000, attempt: 1 },
    ...{ evidence: isFailing ? 4_000 : 1, level: isFailing ? 'act' : 'quiet', bound: undefined },
    verdict: isFailing ? 'fail' : 'not_enough_evidence',
    cause: failures > 0 ? 'invalid_client' : undefined,
    requestIds: failures > 0 ? ['r-1'] : [],
    ...{ grants: failures, callers: failures, knownCallers: failures },
    sentence: `${failures} of ${outcomes} flows failed`,
  }
}
