import type { Log } from '../../../observability/index.ts'
import {
  ACTIVE_STATES,
  type Decision,
  decide,
  movedBy,
  type Rollout,
  type RolloutFacts,
} from '../../../rollouts/index.ts'
import { isStoreAway } from '../../../storage/index.ts'
import { ROLLOUT_PRINCIPAL } from '../../audit/change-context.ts'
import { type Leadership, LostLeadershipError } from '../leadership/leadership.ts'
import type { RolloutDependencies } from '../rollouts.ts'
import { summary } from '../rollouts.ts'
import type { Forecast, StoredRollout } from '../store/rollout-store.ts'
import { carryOut, courseOf } from './carry-out.ts'
import { FactGatherer, type FactSources } from './facts.ts'
import { GuardAttempts } from './guard-attempts.ts'
import { IamDeployments } from './iam-deployments.ts'
import { QueryWatch } from './query-watch.ts'
import { type ActiveDecision, transitionOf } from './transitions.ts'

const TICK_MS = 1_000
/** How often queries and deployments of IAM are looked at; test controls shorten it. */
const POLL_MS = 15_000
const TEST_POLL_MS = 1_000
/** Decisions of one rollout that may follow each other at once. */
const MOST_AT_ONCE = 20
/** The limit of rollouts that are active at the same time: one for each flag and environment. */
const MOST_ACTIVE = 500
/** A forecast is written again when its time has moved by more than this. */
const FORECAST_SLACK_MS = 5_000

/** What the engine depends on. */
export interface EngineOptions extends Omit<FactSources, 'queries'> {
  readonly dependencies: RolloutDependencies
  readonly leadership: Leadership
  readonly log: Log
  /** Called for each decision that was written. */
  readonly onDecision: (verdict: Decision['do']) => void
  /** Default: 1 s. */
  readonly tickMs?: number
}

/**
 * Carries out the rollouts on the replica that leads: looks once a second, and at once when a guard, a flag or a person
 * has something new. Each decision is written with its evidence, in one transaction with the check that this replica
 * leads, before it acts; {@link carryOut} acts. So whatever is interrupted, the next leader finds either the old decision
 * or the new one, and carries it out once.
 */
export class RolloutEngine {
  readonly #options: EngineOptions
  readonly #facts: FactGatherer
  readonly #attempts: GuardAttempts
  readonly #queries: QueryWatch
  readonly #deployments: IamDeployments
  readonly #ends: Array<() => void> = []
  readonly #failing = new Set<number>()
  #running: Promise<void> | undefined
  #isWoken = false
  #isClosed = false
  #timer: NodeJS.Timeout | undefined
  /** The monotonic time up to which rollouts have been credited; undefined while another replica leads. */
  #counted: number | undefined

  constructor(options: EngineOptions) {
    this.#options = options
    const { dependencies, guards } = options
    const everyMs = dependencies.allowsShort ? TEST_POLL_MS : POLL_MS
    this.#queries = new QueryWatch(
      (query) => guards.readQuery(query),
      () => this.wake(),
      everyMs,
    )
    this.#deployments = new IamDeployments(dependencies.store, guards, everyMs)
    this.#facts = new FactGatherer(dependencies, {
      ...options,
      queries: (rollout) => this.#queries.readings(rollout),
    })
    this.#attempts = new GuardAttempts(options.guards)
  }

  /** Begins to look, until {@link close}. */
  start(): void {
    const { leadership, guards, dependencies, tickMs = TICK_MS } = this.#options
    this.#ends.push(
      leadership.subscribe((isLeader) => {
        this.#counted = undefined
        this.#attempts.forget()
        this.#deployments.forget()
        if (isLeader) this.wake()
      }),
      guards.subscribe(() => this.wake()),
      dependencies.feed.subscribe(() => this.wake()),
    )
    this.#timer = setInterval(() => this.wake(), tickMs)
    this.wake()
  }

  /** Looks now, or once more after the look in progress. */
  wake(): void {
    if (this.#isClosed) return
    if (this.#running) {
      this.#isWoken = true
      return
    }
    this.#running = this.#look().finally(() => {
      this.#running = undefined
      if (!this.#isWoken) return
      this.#isWoken = false
      this.wake()
    })
  }

  /** Stops; a decision in progress is finished first. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    for (const end of this.#ends) end()
    await this.#running
  }

  async #look(): Promise<void> {
    const { leadership, dependencies, log } = this.#options
    if (!leadership.isLeader) {
      this.#counted = undefined
      return
    }
    try {
      await this.#count()
      const states = ACTIVE_STATES
      const active = await dependencies.rollouts.list(dependencies.store.database, { states, limit: MOST_ACTIVE })
      this.#queries.keep(active)
      await this.#deployments.follow(active.map(({ plan }) => plan.environment))
      for (const rollout of active) await this.#lookAt(rollout)
    } catch (error) {
      if (error instanceof LostLeadershipError || this.#isClosed) return
      log.warn({ err: error, away: isStoreAway(error) }, 'the rollouts cannot be read')
    }
  }

  /**
   * Credits the time since the last look to the rollouts, by this process's monotonic clock, which no jump of a wall clock
   * moves. What passes while no replica leads is not counted, so a step lasts at least as long as its plan says.
   */
  async #count(): Promise<void> {
    const { leadership, dependencies } = this.#options
    const now = performance.now()
    const since = this.#counted
    this.#counted = now
    if (since === undefined || now <= since) return
    await leadership.write((tx) => dependencies.rollouts.addTime(tx, now - since))
  }

  /** One rollout that fails must not keep the others. */
  async #lookAt(rollout: StoredRollout): Promise<void> {
    try {
      await this.#advance(rollout)
      this.#failing.delete(rollout.id)
    } catch (error) {
      if (error instanceof LostLeadershipError) throw error
      if (!this.#failing.has(rollout.id) && !this.#isClosed) {
        this.#options.log.error({ err: error, rollout: rollout.id }, 'a rollout cannot go on')
      }
      this.#failing.add(rollout.id)
    }
  }

  async #advance(found: StoredRollout): Promise<void> {
    const { dependencies, leadership } = this.#options
    let rollout: StoredRollout | undefined = found
    for (let count = 0; count < MOST_AT_ONCE && rollout !== undefined && !this.#isClosed; count++) {
      if (!ACTIVE_STATES.includes(rollout.state)) return this.#attempts.drop(rollout.id)
      // The guards watch an application before its first flow begins on IAM.
      await this.#attempts.follow(rollout)
      if (rollout.pending !== undefined) {
        await carryOut(dependencies, leadership, { ...rollout, pending: rollout.pending })
      } else {
        const facts = await this.#facts.gather(rollout)
        const decision = await this.#decide(rollout, facts)
        if (decision.do === 'none') return this.#foresee(rollout, [], undefined)
        if (decision.do === 'wait') return this.#wait(rollout, decision, facts)
        if (!(await this.#record(rollout, decision, facts))) return
      }
      rollout = await dependencies.rollouts.read(dependencies.store.database, rollout.id)
    }
    // There is more to decide than one look should.
    this.#isWoken = true
  }

  /** Obstacles that are expensive to find are looked for only when nothing else is in the way. */
  async #decide(rollout: Rollout, facts: RolloutFacts): Promise<Decision> {
    const now = Date.now()
    const first = decide(rollout, facts, now)
    const isNear = first.do === 'wait' && first.for === 'people'
    if (first.do !== 'advance' && first.do !== 'complete' && !isNear) return first
    const { waits, missedDrill } = await this.#facts.obstacles(rollout, facts.next)
    if (waits.length === 0 && missedDrill === undefined) return first
    const next = facts.next && { ...facts.next, obstacles: waits }
    return decide(rollout, { ...facts, next, missedDrill, endObstacles: facts.next ? [] : waits }, now)
  }

  /** Writes a decision, with its evidence; false when something else came first. */
  async #record(rollout: StoredRollout, decision: ActiveDecision, facts: RolloutFacts): Promise<boolean> {
    const { dependencies, leadership, onDecision, log } = this.#options
    const { store, rollouts } = dependencies
    const { plan, id } = rollout
    const { sentence, evidence } = decision
    const { course, kind, elapsedMs } = transitionOf(
      { ...courseOf(rollout), id, plan, version: rollout.version },
      decision,
      new Date().toISOString(),
      facts.flag.state,
    )
    const counted = elapsedMs === undefined ? {} : { elapsedMs }
    const saved = await store.write(async (tx) => {
      await leadership.hold(tx)
      const version = await rollouts.save(
        tx,
        rollout,
        course,
        { by: ROLLOUT_PRINCIPAL, kind, sentence, evidence },
        counted,
      )
      if (version === undefined) return { change: undefined, result: false }
      await tx.record({
        context: {
          ...{ by: ROLLOUT_PRINCIPAL, role: 'system', channel: 'system', from: null },
          ...{ correlation_id: `rollout-${id}-${version}`, reason: sentence.slice(0, 500) },
          change_issue_url: rollout.changeIssueUrl,
        },
        ...{ action: 'rollout.decision', environment: plan.environment, subject: `rollout:${id}` },
        ...{ before: summary(rollout), after: summary(course), details: { decision: decision.do, evidence } },
      })
      return { change: undefined, result: true }
    })
    if (!saved) return false
    onDecision(decision.do)
    log.info({ rollout: id, decision: decision.do, sentence, environment: plan.environment }, 'a rollout decided')
    return true
  }

  /** Says what a rollout waits for: as a forecast, and as an event whenever it waits for something else. */
  async #wait(rollout: StoredRollout, decision: Extract<Decision, { do: 'wait' }>, facts: RolloutFacts): Promise<void> {
    const step = rollout.plan.steps[rollout.step - 1]
    const isDwelling = !rollout.isSoaking && step !== undefined && rollout.elapsedMs < step.dwellMs
    const isSoaking = rollout.isSoaking && rollout.elapsedMs < rollout.plan.soakMs
    const isLong = decision.for === 'people' || !(isDwelling || isSoaking)
    const state =
      decision.for === 'people' && !rollout.isSoaking ? 'waiting' : rollout.isSoaking ? 'soaking' : 'running'
    const signature = isLong ? decision.why.map((why) => why.replaceAll(/\d[\d.,:]*/g, '#')).join('|') : ''
    await this.#foresee(rollout, decision.why, decision.untilMs, { state, signature, facts })
  }

  async #foresee(
    rollout: StoredRollout,
    why: readonly string[],
    untilMs: number | undefined,
    more?: { readonly state: Rollout['state']; readonly signature: string; readonly facts: RolloutFacts },
  ): Promise<void> {
    const { dependencies, leadership } = this.#options
    const held = rollout.forecast
    const until = untilMs === undefined ? null : Date.now() + untilMs
    const isNear =
      until === null || held.earliest_next_at == null
        ? until === null && held.earliest_next_at === null
        : Math.abs(Date.parse(held.earliest_next_at) - until) < FORECAST_SLACK_MS
    const isNews = more !== undefined && more.signature !== '' && more.signature !== held.signature
    const isOtherState = more !== undefined && more.state !== rollout.state
    const isSame =
      isNear && !isNews && !isOtherState && held.at_version === rollout.version && same(held.waiting_for, why)
    if (isSame) return
    const forecast: Forecast = {
      waiting_for: why,
      earliest_next_at: until === null ? null : new Date(until).toISOString(),
      steps: held.at_version === rollout.version && held.steps ? held.steps : await this.#facts.forecastSteps(rollout),
      signature: more?.signature ?? '',
      at_version: rollout.version,
    }
    await leadership.write(async (tx) => {
      // A person may have ended the rollout since it was read: then it waits for nothing.
      if (!(await dependencies.rollouts.saveForecast(tx, rollout, forecast))) return
      if (isOtherState) await dependencies.rollouts.saveState(tx, rollout, more.state)
      if (!isNews) return
      const about =
        until === null ? '' : ` until about ${new Date(until).toISOString().slice(0, 16).replace('T', ' ')} UTC`
      const sentence = `Waiting${about}: ${inOneSentence(why)}`
      const evidence = { why, moved: movedBy(rollout).length, elapsed_ms: Math.round(rollout.elapsedMs) }
      await dependencies.rollouts.addEvent(tx, rollout.id, {
        by: ROLLOUT_PRINCIPAL,
        kind: 'waiting',
        sentence,
        evidence,
      })
    })
  }
}

/** Sentences behind one another; only the last one ends with its full stop. */
function inOneSentence(sentences: readonly string[]): string {
  return sentences.map((each, at) => (at < sentences.length - 1 ? each.replace(/\.$/, '') : each)).join('; ')
}

function same(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((each, at) => each === b[at])
}
