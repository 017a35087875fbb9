import { signIn } from './authorize.ts'
import type { Faults } from './faults.ts'
import { drawFlip, type Flip, makeFlip } from './flips.ts'
import { FLOWS, type Flow } from './flows.ts'
import type { Lab } from './lab.ts'
import type { Population, StormApplication, StormUser } from './population.ts'
import { Random } from './random.ts'
import { BeginAnew, BrokenFlow, type StepRecord, Walk } from './walk.ts'
import { Jar, type Web } from './web.ts'

/** The parameters of a storm. */
export interface StormPlan {
  readonly seed: number
  readonly milliseconds: number
  /** Number of concurrent flows. */
  readonly concurrency: number
  readonly flipsPerSecond: number
  /** Maximum milliseconds that a client waits between two requests. */
  readonly maxThinkMs: number
}

/** A flip, and when it was made. */
export interface MadeFlip {
  readonly flip: Flip
  readonly at: number
}

/** A broken flow, with everything needed to reproduce it. */
export interface Breakage {
  readonly flow: Flow
  readonly flowSeed: number
  readonly application: StormApplication
  readonly user: StormUser
  readonly step: string
  readonly why: string
  readonly steps: readonly StepRecord[]
  readonly startedAt: number
  readonly faults: readonly string[]
}

/** The figures of a storm. */
export interface Tally {
  flips: number
  flipsRefused: number
  flows: number
  requests: number
  /** Outages that an injected fault explains. */
  excused: number
  begunAnew: number
  readonly byFlow: Map<string, number>
  readonly outcomes: Map<string, number>
  readonly broken: Breakage[]
}

/** Average number of flows that share a browser, as tabs do. */
const MEAN_FLOWS_PER_JAR = 4
const FRESH_BROWSER = 0.03
/** A browser keeps at most twelve sign-ins at IAM and drops the oldest; a flow has at most two. */
const MOST_FLOWS_PER_JAR = 6
const MAX_BEGINNINGS = 30
/**
 * Maximum number of flips per second by one operator, one after the other, regardless of how slow the responses are.
 */
const FLIPS_OF_A_HAND = 40
/** Number of broken flows after which more of them add no information. */
const MAX_BROKEN = 20

/** A running storm. */
export class Storm {
  readonly tally: Tally = {
    ...{ flips: 0, flipsRefused: 0, flows: 0, requests: 0, excused: 0, begunAnew: 0 },
    ...{ byFlow: new Map(), outcomes: new Map(), broken: [] },
  }
  readonly flips: MadeFlip[] = []
  readonly #plan: StormPlan
  readonly #lab: Lab
  readonly #web: Web
  readonly #population: Population
  readonly #faults: Faults | undefined
  readonly #random: Random
  readonly #jars: ReadonlyMap<StormUser, readonly Jar[]>
  /** Browsers that are signed in, or being signed in. */
  readonly #signedIn = new Map<Jar, Promise<void>>()
  /** Number of flows in progress in a browser. */
  readonly #open = new WeakMap<Jar, number>()
  #until = 0

  constructor(plan: StormPlan, lab: Lab, web: Web, population: Population, faults: Faults | undefined) {
    this.#plan = plan
    this.#lab = lab
    this.#web = web
    this.#population = population
    this.#faults = faults
    this.#random = new Random(plan.seed)
    const { users } = population
    const jarsPerUser = Math.max(2, Math.ceil(plan.concurrency / users.length / MEAN_FLOWS_PER_JAR))
    this.#jars = new Map(users.map((user) => [user, Array.from({ length: jarsPerUser }, () => new Jar())]))
  }

  get milliseconds(): number {
    return this.#plan.milliseconds
  }

  /** Runs for the planned time, then lets the flows in progress finish. */
  async run(): Promise<Tally> {
    this.#until = performance.now() + this.#plan.milliseconds
    const hands = Math.max(1, Math.ceil(this.#plan.flipsPerSecond / FLIPS_OF_A_HAND))
    const flipping = Promise.all(Array.from({ length: hands }, () => this.#flip(this.#random.fork(), hands)))
    const walkers = Array.from({ length: this.#plan.concurrency }, () => this.#walkOn(this.#random.fork()))
    await Promise.all(walkers)
    await flipping
    await makeFlip(this.#lab, { kind: 'brake', on: false }).catch(() => 0)
    return this.tally
  }

  get #isOver(): boolean {
    return performance.now() >= this.#until || this.tally.broken.length >= MAX_BROKEN
  }

  async #walkOn(random: Random): Promise<void> {
    // Staggered: otherwise the first sign-ins alone would form a queue.
    await sleep(random.below(Math.min(10_000, this.#plan.milliseconds / 4)))
    while (!this.#isOver) {
      const flow = random.weighted(FLOWS.map((one) => [one.weight, one] as const))
      await this.#walkFlow(flow, Math.floor(random.next() * 4_294_967_296))
    }
  }

  async #walkFlow(flow: Flow, flowSeed: number): Promise<void> {
    for (let beginnings = 0; beginnings < MAX_BEGINNINGS; beginnings++) {
      if (await this.#walkOnce(flow, flowSeed + beginnings)) return
      this.tally.begunAnew++
    }
  }

  /** Returns false if the flow has to start again. */
  async #walkOnce(flow: Flow, flowSeed: number): Promise<boolean> {
    const random = new Random(flowSeed)
    const who = castOf(flow, random, this.#population)
    const jars = this.#jars.get(who.user) as readonly [Jar, ...Jar[]]
    const isFresh = random.chance(FRESH_BROWSER)
    const jar = isFresh ? new Jar() : this.#withRoom(random.pick(jars), jars)
    this.#open.set(jar, (this.#open.get(jar) ?? 0) + 1)
    const startedAt = performance.now()
    const steps: StepRecord[] = []
    const walk = new Walk({ ...who, jar }, random, {
      web: this.#web,
      beforeStep: async () => {},
      think: (by) => by.below(this.#plan.maxThinkMs),
      isExcused: (...outage) => this.#excuse(...outage),
      onStep: (record) => {
        steps.push(record)
        this.#count(record)
      },
    })
    try {
      if (!isFresh) await this.#signIn(walk)
      await flow.run(walk)
    } catch (error) {
      if (error instanceof BeginAnew) return false
      if (!(error instanceof BrokenFlow)) throw error
      const faults = this.#faults?.during(startedAt, performance.now()) ?? []
      const { step, message: why } = error
      this.tally.broken.push({ flow, flowSeed, ...who, step, why, steps, startedAt, faults })
    } finally {
      this.#open.set(jar, (this.#open.get(jar) ?? 1) - 1)
    }
    this.tally.flows++
    this.tally.byFlow.set(flow.name, (this.tally.byFlow.get(flow.name) ?? 0) + 1)
    return true
  }

  /** Returns the picked browser, or another one of its user with room for one more flow, or a new one. */
  #withRoom(picked: Jar, jars: readonly Jar[]): Jar {
    return [picked, ...jars].find((jar) => (this.#open.get(jar) ?? 0) < MOST_FLOWS_PER_JAR) ?? new Jar()
  }

  /** Signs a shared browser in once; concurrent flows wait for the same sign-in. */
  #signIn(walk: Walk): Promise<void> {
    const known = this.#signedIn.get(walk.jar)
    if (known !== undefined) return known
    const signing = signIn(walk)
    this.#signedIn.set(walk.jar, signing)
    signing.catch(() => this.#signedIn.delete(walk.jar))
    return signing
  }

  #excuse(...outage: Parameters<Faults['isExcused']>): boolean {
    const isExcused = this.#faults?.isExcused(...outage) ?? false
    if (isExcused) this.tally.excused++
    return isExcused
  }

  #count({ outcome }: StepRecord): void {
    this.tally.requests++
    const kind = outcome.startsWith('3') ? outcome.slice(0, 3) : outcome
    this.tally.outcomes.set(kind, (this.tally.outcomes.get(kind) ?? 0) + 1)
  }

  /** Acts as one of several operators who do not know of each other. */
  async #flip(random: Random, hands: number): Promise<void> {
    const pause = (1_000 * hands) / this.#plan.flipsPerSecond
    let next = performance.now()
    while (!this.#isOver) {
      const flip = drawFlip(random, this.#population)
      const status = await makeFlip(this.#lab, flip).catch(() => 0)
      if (status === 200 || status === 201) {
        this.tally.flips++
        this.flips.push({ flip, at: performance.now() })
      } else this.tally.flipsRefused++
      next += pause
      await sleep(Math.max(0, next - performance.now()))
    }
  }
}

/** Chooses the participants of a flow from its own random numbers, so that the same seed gives the same ones. */
export function castOf(
  flow: Flow,
  random: Random,
  { applications, users }: Population,
): { readonly application: StormApplication; readonly user: StormUser } {
  const fit = applications.filter(({ kind }) => flow.kinds.includes(kind))
  const [first, ...rest] = fit
  if (first === undefined) throw new RangeError(`no application for the flow ${flow.name}`)
  return { application: random.pick([first, ...rest]), user: random.pick(users) }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
