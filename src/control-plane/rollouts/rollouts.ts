import { setTimeout as sleep } from 'node:timers/promises'
import { channelRefusal, type RuleSettings } from '../../chatops/index.ts'
import type { Definitions, Environment } from '../../flags/index.ts'
import type { Log } from '../../observability/index.ts'
import {
  ACTIVE_STATES,
  type AskedAction,
  actOn,
  type Course,
  DRAFT,
  durationInWords,
  INCREASING_ACTIONS,
  type PlanFault,
  type PlanTerms,
  type ProblemFact,
  type Rollout,
  type RolloutAction,
  type RolloutEvent,
  readPlan,
  readPlanObject,
  refusedActions,
} from '../../rollouts/index.ts'
import type { Queryable } from '../../storage/index.ts'
import type { ChangeContext } from '../audit/change-context.ts'
import type { ChangeFeed } from '../state/feed.ts'
import type { Store, WriteTransaction } from '../state/store.ts'
import type { EventPage, RolloutStore, StoredRollout } from './store/rollout-store.ts'

/** How long an action waits for the leader to carry out what it changes of the flag. */
const SETTLE_MS = 3_000
const SETTLE_POLL_MS = 25

/** Why something could not be done with a rollout. */
export type RolloutRefusal =
  | { readonly kind: 'faults'; readonly faults: readonly PlanFault[] }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'forbidden'; readonly why: string }
  | { readonly kind: 'conflict'; readonly version: number }
  | { readonly kind: 'refused'; readonly why: string; readonly field?: string | undefined }

/** An action on a rollout, as a person asks for it. */
export interface RolloutRequest extends Omit<AskedAction, 'author'> {
  /** The version that the rollout must still have. */
  readonly version: number
  readonly context: ChangeContext
  /** The Slack channel that it comes from; undefined for none. */
  readonly slackChannel?: string | undefined
}

/** The parts of the control plane that rollouts depend on. */
export interface RolloutDependencies {
  readonly store: Store
  readonly rollouts: RolloutStore
  readonly feed: ChangeFeed
  readonly definitions: Definitions
  readonly rules: RuleSettings
  readonly reasonsRequired: readonly Environment[]
  readonly log: Log
  /** The kinds of notifications that are configured. */
  readonly channels: readonly string[]
  /** Whether a plan may name a webhook. */
  readonly mayNotify: (webhook: string) => boolean
  /** Accept durations below the minimum. */
  readonly allowsShort: boolean
  /** Called when a rollout was changed here, for an engine that waits. */
  readonly onChange: () => void
}

/** What people do with rollouts; the engine does the rest. */
export class Rollouts {
  readonly #dependencies: RolloutDependencies

  constructor(dependencies: RolloutDependencies) {
    this.#dependencies = dependencies
  }

  /** What the engine works with. */
  get dependencies(): RolloutDependencies {
    return this.#dependencies
  }

  /** Reads a plan, text or object, as of now: flags and applications must exist, and dates must not be in the past. */
  async readPlan(plan: unknown) {
    const { feed, definitions, allowsShort, channels, mayNotify } = this.#dependencies
    await feed.catchUp()
    const { cache } = feed
    const terms: PlanTerms = {
      now: Date.now(),
      allowsShort,
      known: {
        flag: (name) => definitions.flags.has(name),
        channel: (kind) => channels.includes(kind),
        webhook: mayNotify,
        application: (name) =>
          (typeof name === 'number' ? cache.application(name) : cache.applicationByClientId(name)) !== undefined,
      },
    }
    return typeof plan === 'string' ? readPlan(plan, terms) : readPlanObject(plan, terms)
  }

  /** Creates a rollout in state `draft`. The caller may make changes in `mayChange`. */
  async create(
    plan: unknown,
    context: ChangeContext,
    mayChange: readonly Environment[],
  ): Promise<StoredRollout | RolloutRefusal> {
    const read = await this.readPlan(plan)
    if ('faults' in read) return { kind: 'faults', faults: read.faults }
    const { environment, shortened, name, flag, soakMs } = read.plan
    const refused = refusalOfPlace(context, environment, mayChange)
    if (refused !== undefined) return refused
    const { store, rollouts } = this.#dependencies
    const id = await store.write(async (tx) => {
      const inserted = { ...read, course: DRAFT, reason: context.reason, by: context.by }
      const id = await rollouts.insert(tx, inserted)
      const count = read.plan.steps.length
      const sentence = `${context.by} created the rollout ${name}: ${count === 1 ? '1 step' : `${count} steps`}, a soak of ${durationInWords(soakMs)}`
      const short = shortened.length === 0 ? {} : { shortened_for_tests: shortened }
      await rollouts.addEvent(tx, id, {
        by: context.by,
        kind: 'created',
        sentence,
        evidence: { plan: read.written, ...short },
      })
      await tx.record({
        ...{ context, action: 'rollout.create', environment, subject: `rollout:${id}`, before: null },
        ...{ after: read.written, details: { name, flag, ...short } },
      })
      return { change: undefined, result: id }
    })
    return this.#known(id)
  }

  async read(id: number): Promise<StoredRollout | undefined> {
    return this.#dependencies.rollouts.read(this.#dependencies.store.database, id)
  }

  list(filter: Parameters<RolloutStore['list']>[1]): Promise<StoredRollout[]> {
    return this.#dependencies.rollouts.list(this.#dependencies.store.database, filter)
  }

  events(id: number, page: EventPage): Promise<RolloutEvent[]> {
    return this.#dependencies.rollouts.events(this.#dependencies.store.database, id, page)
  }

  /** The actions that this person would be refused now, each with the reason. */
  async refused(rollout: StoredRollout, author: AskedAction['author']): Promise<ReadonlyMap<RolloutAction, string>> {
    return refusedActions(rollout, author, await this.#facts(this.#dependencies.store.database, rollout))
  }

  /** The reported problems of an environment that are still open, oldest first. */
  openProblems(environment: Environment): Promise<ProblemFact[]> {
    return this.#dependencies.rollouts.openProblems(this.#dependencies.store.database, environment)
  }

  /**
   * Carries out a person's action. What it changes of the flag is carried out by the leader, at once: the result shows
   * it unless the leader takes longer than {@link SETTLE_MS}.
   */
  async act(
    id: number,
    request: RolloutRequest,
    mayChange: readonly Environment[],
  ): Promise<StoredRollout | RolloutRefusal> {
    const { store, feed, rollouts } = this.#dependencies
    const { context } = request
    await feed.catchUp()
    const outcome = await this.#once(() =>
      store.write<RolloutRefusal | 'done'>(async (tx) => {
        const nothing = (result: RolloutRefusal) => ({ change: undefined, result })
        const rollout = await rollouts.read(tx, id)
        if (rollout === undefined) return nothing({ kind: 'unknown' })
        const { plan } = rollout
        const refused = refusalOfPlace(context, plan.environment, mayChange) ?? this.#refusalOfRules(rollout, request)
        if (refused !== undefined) return nothing(refused)
        if (rollout.version !== request.version) return nothing({ kind: 'conflict', version: rollout.version })
        const result = actOn(rollout, this.#asked(request), await this.#facts(tx, rollout))
        if ('refused' in result) return nothing({ kind: 'refused', why: result.refused, field: result.field })
        const course = await this.#withKnownFailures(tx, rollout, request, result.course)
        await this.#save(tx, rollout, course, { ...result.event, request })
        return { change: undefined, result: 'done' }
      }),
    )
    if (outcome !== 'done') return outcome
    this.#dependencies.onChange()
    return this.#settled(id)
  }

  /**
   * Records a customer's report. The application is held: a rollout that has moved it takes it back, and none moves it,
   * until a person tries it again.
   */
  async reportProblem(environment: Environment, applicationId: number, context: ChangeContext): Promise<number> {
    const { store, rollouts, onChange } = this.#dependencies
    const reason = context.reason ?? ''
    const id = await store.write(async (tx) => {
      const id = await rollouts.insertProblem(tx, { environment, applicationId, reason, reportedBy: context.by })
      const sentence = `${context.by} reported a problem with application ${applicationId}: ${reason}`
      for (const active of await rollouts.list(tx, { environment, states: ACTIVE_STATES, limit: 100 })) {
        const evidence = { problem: id, application_id: applicationId }
        await rollouts.addEvent(tx, active.id, { by: context.by, kind: 'problem', sentence, evidence })
      }
      await tx.record({
        ...{ context, action: 'problem.report', environment, subject: `Authn::OauthApplication:${applicationId}` },
        ...{ before: null, after: { problem: id, reason } },
      })
      return { change: undefined, result: id }
    })
    onChange()
    return id
  }

  #asked({ context, version: _version, slackChannel: _slackChannel, ...asked }: RolloutRequest): AskedAction {
    const { by, role, channel, from } = context
    return {
      ...asked,
      reason: context.reason,
      changeIssueUrl: context.change_issue_url,
      author: { by, role, channel, from },
    }
  }

  #refusalOfRules({ plan }: Rollout, { action, context, slackChannel }: RolloutRequest): RolloutRefusal | undefined {
    const { environment } = plan
    const { rules, reasonsRequired } = this.#dependencies
    if (!INCREASING_ACTIONS.includes(action)) return undefined
    const why = channelRefusal(environment, slackChannel, rules)
    if (why !== undefined) return { kind: 'refused', why }
    if (action === 'start' && reasonsRequired.includes(environment)) {
      if (context.reason === undefined) return required('reason', environment)
      const issue = context.change_issue_url ?? plan.changeIssueUrl
      if (issue === undefined) return required('change_issue_url', environment)
    }
    return undefined
  }

  async #facts(tx: Queryable, { plan, id, version }: Rollout) {
    const { store, feed, rules } = this.#dependencies
    const [stored] = await tx.query<{ state: never; version: number }>(
      `select state, version from ${store.schema}.flags where environment = $1 and name = $2`,
      [plan.environment, plan.flag],
    )
    const { cache } = feed
    const state = stored?.state ?? null
    return {
      flag: {
        state,
        version: stored?.version ?? 0,
        effective: state ?? cache.defaultState(plan.environment, plan.flag),
      },
      brake: cache.brake(plan.environment),
      needsSecondPerson: rules.twoPerson.includes(plan.environment),
      decision: `rollout-${id}-${version + 1}`,
      at: new Date().toISOString(),
    }
  }

  /** Who starts or resumes a rollout knows which pipelines and drills have failed until then. */
  async #withKnownFailures(
    tx: WriteTransaction,
    { plan }: Rollout,
    { action }: RolloutRequest,
    course: Course,
  ): Promise<Course> {
    if (action !== 'start' && action !== 'resume') return course
    const { rollouts } = this.#dependencies
    const pipelinesSeen = await rollouts.newestEffect(tx)
    return { ...course, pipelinesSeen, drillsSeen: await rollouts.newestDrill(tx, plan.environment) }
  }

  async #save(
    tx: WriteTransaction,
    rollout: StoredRollout,
    course: Course,
    { kind, sentence, request }: { kind: RolloutEvent['kind']; sentence: string; request: RolloutRequest },
  ): Promise<void> {
    const { rollouts } = this.#dependencies
    const { context, action } = request
    const restarts = course.elapsedMs === 0 && course.step !== rollout.step
    const counted = {
      ...(restarts && { elapsedMs: 0 }),
      ...(action === 'acknowledge' && { watchLeftMs: course.watch?.leftMs ?? 0 }),
    }
    await rollouts.save(tx, rollout, course, { by: context.by, kind, sentence }, counted)
    if (action === 'retry' && request.applicationId !== undefined) {
      await rollouts.closeProblems(tx, rollout.plan.environment, request.applicationId, context.by)
    }
    await tx.record({
      ...{ context, action: 'rollout.action', environment: rollout.plan.environment, subject: `rollout:${rollout.id}` },
      ...{ before: summary(rollout), after: summary(course), details: { action, sentence } },
    })
  }

  /** Another active rollout of the flag is a refusal, which the database finds. */
  async #once<T>(work: () => Promise<T>): Promise<T | RolloutRefusal> {
    try {
      return await work()
    } catch (error) {
      if ((error as { constraint?: unknown } | null)?.constraint !== 'rollouts_active') throw error
      return { kind: 'refused', why: 'another rollout of this flag is active in this environment' }
    }
  }

  /** The rollout once nothing of it is pending and its forecast is current, or as it is after {@link SETTLE_MS}. */
  async #settled(id: number): Promise<StoredRollout> {
    const until = performance.now() + SETTLE_MS
    for (;;) {
      const rollout = await this.#known(id)
      const isActive = ACTIVE_STATES.includes(rollout.state)
      const isCurrent = !isActive || rollout.forecast.at_version === rollout.version
      if ((rollout.pending === undefined && isCurrent) || performance.now() > until) return rollout
      await sleep(SETTLE_POLL_MS)
    }
  }

  async #known(id: number): Promise<StoredRollout> {
    const rollout = await this.read(id)
    if (rollout === undefined) throw new Error(`rollout ${id} is gone`)
    return rollout
  }
}

function required(field: string, environment: Environment): RolloutRefusal {
  return { kind: 'refused', why: `must be given for a rollout in ${environment}`, field }
}

function refusalOfPlace({ by }: ChangeContext, environment: Environment, mayChange: readonly Environment[]) {
  if (mayChange.includes(environment)) return undefined
  return { kind: 'forbidden', why: `${by} may not change ${environment}` } as const
}

/** A rollout as the audit log shows it. */
export function summary({ state, step, excluded }: Pick<Course, 'state' | 'step' | 'excluded'>) {
  return { state, step, excluded: excluded.map(({ application_id }) => application_id) }
}
