import { sameState } from '../../../flags/index.ts'
import type { GuardJudgement, GuardReading } from '../../../guards/index.ts'
import {
  type Candidate,
  flowsAtRisk,
  membersOf,
  movedBy,
  type NextStepFact,
  namedOnly,
  nextStep,
  type Rollout,
  type RolloutFacts,
  shareOf,
  type Traffic,
} from '../../../rollouts/index.ts'
import { flagHistory, stateAfter } from '../../flags/flag-writes.ts'
import { defaultState, gatesOf, type StateCache } from '../../state/state-cache.ts'
import type { AttemptRequest } from '../guards/guards.ts'
import type { QueryGuard, QueryReading } from '../guards/metric-query.ts'
import type { RolloutDependencies } from '../rollouts.ts'

/** What the engine needs of the guards. */
export interface GuardPort {
  begin(...attempts: readonly AttemptRequest[]): Promise<void>
  end(environment: string, flag: string, ...applicationIds: readonly number[]): Promise<void>
  readings(environment: string): readonly GuardReading[]
  renew(environment: string, reason: string, before: number): Promise<void>
  readQuery(guard: QueryGuard): Promise<QueryReading>
  judge(environment: string, moved: readonly number[], togetherMs: number): GuardJudgement
  subscribe(on: (environment: string, applicationId: number) => void): () => void
}

/** Where facts come from, besides the store. */
export interface FactSources {
  readonly guards: GuardPort
  /** The usual traffic of an environment. */
  readonly traffic: (environment: Rollout['plan']['environment']) => Promise<Traffic>
  /** The cohort of each application. */
  readonly cohorts: () => Promise<ReadonlyMap<number, string>>
  /** Asked in this order: rules, checklist, drill. */
  readonly obstacles: readonly ObstacleSource[]
  /** What the PromQL queries of a plan said last. */
  readonly queries: (rollout: Rollout) => readonly QueryReading[]
}

/** What is in the way of a step, or of the end, where there is no next step. */
export type ObstacleSource = (rollout: Rollout, next: NextStepFact | undefined) => Promise<Obstacles>

/** Sentences on what a rollout waits for, and on a guard drill that caught nothing, which holds it. */
export interface Obstacles {
  readonly waits: readonly string[]
  readonly missedDrill?: string | undefined
}

const TRAFFIC_KEPT_MS = 60_000
const NO_COHORTS: ReadonlyMap<number, string> = new Map()

/** Gathers the facts of decisions; keeps what is expensive while nothing changed. */
export class FactGatherer {
  readonly #dependencies: RolloutDependencies
  readonly #sources: FactSources
  readonly #traffic = new Map<string, { readonly at: number; readonly traffic: Traffic }>()
  readonly #next = new Map<number, { readonly key: string; readonly next: NextStepFact }>()

  constructor(dependencies: RolloutDependencies, sources: FactSources) {
    this.#dependencies = dependencies
    this.#sources = sources
  }

  /** The facts without the obstacles of the next step, which are asked for only when nothing else is in the way. */
  async gather(rollout: Rollout): Promise<RolloutFacts> {
    const { store, rollouts, feed, definitions } = this.#dependencies
    const { guards } = this.#sources
    const { plan } = rollout
    const { environment, flag } = plan
    await feed.catchUp()
    const { cache } = feed
    const stored = cache.storedFlags(environment).get(flag)
    const version = stored?.version ?? 0
    const isOurs = version === rollout.flagVersion
    const [last] = isOurs ? [] : await flagHistory(store, environment, flag, 1)
    const traffic = await this.#trafficOf(environment)
    const pipelines = await rollouts.failedPipelines(store.database, environment, flag, rollout.pipelinesSeen)
    const problems = await rollouts.openProblems(store.database, environment)
    return {
      flag: {
        version,
        state: stored?.state ?? null,
        isDefined: definitions.flags.has(flag),
        changedBy: last?.changed_by,
      },
      brake: cache.brake(environment),
      judgement: guards.judge(environment, movedBy(rollout), rollout.plan.commonFaultMs),
      readings: guards.readings(environment),
      problems,
      failedPipelines: pipelines.map(({ status, url }) => `the end-to-end tests ended as ${status}: ${url}`),
      next: await this.#nextOf(rollout, cache, traffic),
      queries: this.#sources.queries(rollout),
      missedDrill: undefined,
      endObstacles: [],
      applications: cache.counts.all,
      exists: (application) => cache.application(application) !== undefined,
      flowsPerDay: (applications) =>
        traffic.flowsPerDay.size === 0
          ? undefined
          : applications.reduce((sum, id) => sum + (traffic.flowsPerDay.get(id) ?? 0), 0),
    }
  }

  /** What is in the way of the next step, or of the end. */
  async obstacles(rollout: Rollout, next: NextStepFact | undefined): Promise<Obstacles> {
    const waits: string[] = []
    let missedDrill: string | undefined
    for (const source of this.#sources.obstacles) {
      const found = await source(rollout, next)
      waits.push(...found.waits)
      missedDrill ??= found.missedDrill
    }
    return { waits, missedDrill }
  }

  /** What each step moves or moved, as far as that can be said now. */
  async forecastSteps(rollout: Rollout) {
    const traffic = await this.#trafficOf(rollout.plan.environment)
    const { cache } = this.#dependencies.feed
    const candidates = await this.#candidates(
      cache,
      rollout.plan.steps.some(({ moves }) => moves.kind === 'sample'),
    )
    const { environment, flag } = rollout.plan
    let state = cache.flagState(environment, flag)
    return rollout.plan.steps.map((step) => {
      const reached = step.number <= rollout.step ? rollout.reached[step.number]?.applications : undefined
      let applications = reached
      if (applications === undefined) {
        const gates = gatesOf(this.#dependencies.definitions, state)
        const members = membersOf(step, { flag, gates, candidates, traffic })
        const after = stateAfter(this.#dependencies.definitions, { environment, name: flag }, state, members.changes)
        if ('state' in after) state = after.state
        applications = members.applications
      }
      return { applications: applications.length, traffic_share: shareOf(traffic, applications) ?? null }
    })
  }

  async #trafficOf(environment: Rollout['plan']['environment']): Promise<Traffic> {
    const held = this.#traffic.get(environment)
    if (held !== undefined && performance.now() - held.at < TRAFFIC_KEPT_MS) return held.traffic
    const traffic = await this.#sources.traffic(environment)
    this.#traffic.set(environment, { at: performance.now(), traffic })
    return traffic
  }

  async #nextOf(rollout: Rollout, cache: StateCache, traffic: Traffic): Promise<NextStepFact | undefined> {
    const step = nextStep(rollout)
    if (step === undefined) return undefined
    const age = this.#traffic.get(rollout.plan.environment)?.at
    const key = [cache.version, rollout.version, age].join(' ')
    const held = this.#next.get(rollout.id)
    if (held?.key === key) return held.next
    const { environment, flag, mode } = rollout.plan
    const { definitions } = this.#dependencies
    const current = cache.flagState(environment, flag)
    const otherwise = defaultState(definitions, environment, flag)
    // A person may have taken an advised step already; what it moved shows against the step before.
    const from = mode === 'advise' ? (rollout.reached[rollout.step]?.gates ?? otherwise) : current
    const candidates = await this.#candidates(cache, step.moves.kind === 'sample')
    const gates = gatesOf(definitions, from)
    const { applications, missing, changes } = membersOf(step, { flag, gates, candidates, traffic })
    const after = stateAfter(definitions, { environment, name: flag }, current, changes)
    const next: NextStepFact = {
      ...{ applications, missing, changes },
      isInForce: 'state' in after && sameState(after.state, current),
      refused: 'refused' in after ? after.refused : undefined,
      trafficShare: shareOf(traffic, applications),
      flowsAtRisk: flowsAtRisk(traffic, applications),
      namedOnly: namedOnly(traffic, applications),
      obstacles: [],
    }
    this.#next.set(rollout.id, { key, next })
    return next
  }

  async #candidates(cache: StateCache, needsCohorts: boolean): Promise<Candidate[]> {
    const cohorts = needsCohorts ? await this.#sources.cohorts() : NO_COHORTS
    return cache
      .applications()
      .map(({ id, client_id }) => ({ id, clientId: client_id, cohort: cohorts.get(id) ?? 'unknown' }))
  }
}
