import { signIn } from './authorize.ts'
import type { Faults } from './faults.ts'
import { drawFlip, type Flip, makeFlip } from './flips.ts'
import { FLOWS, type Flow } from './flows.ts'
import type { Lab } from './lab.ts'
import type { Population, StormApplication, StormUser } from './population.ts'
import { Random } from './random.ts'
import { BeginAnew, BrokenFlow, type StepRecord, Walk } from './walk.ts'
import { Jar, type Web } from './web.ts'

/** What a storm is made of. */
export interface StormPlan {
  readonly seed: number
  readonly milliseconds: number
  /** Flows under way at any time. */
  readonly concurrency: number
  readonly flipsPerSecond: number
  /** Milliseconds that a client waits between two requests at most. */
  readonly maxThinkMs: number
}

/** A flip as it was made. */
export interface MadeFlip {
  readonly flip: Flip
  readonly at: number
}

/** A flow that broke, with all that is needed to walk it again. */
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
  /** Outages that a fault of the storm's own explains. */
  excused: number
  begunAnew: number
  readonly byFlow: Map<string, number>
  readonly outcomes: Map<string, number>
  readonly broken: Breakage[]
}

/** How many flows share a browser, as tabs do. */
const MEAN_FLOWS_PER_JAR = 4
const FRESH_BROWSER = 0.03
/** A browser keeps twelve sign-ins at IAM and drops the oldest for one more; a flow has two at most. */
const MOST_FLOWS_PER_JAR = 6
const MAX_BEGINNINGS = 30
/** So many a second one operator makes, one after the other, however slow the answers are. */
const FLIPS_OF_A_HAND = 40
/** After so many the picture is clear. */
const MAX_BROKEN = 20

/** A storm under way. */
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
  /** Browsers that are signed in, or about to be. */
  readonly #signedIn = new Map<Jar, Promise<void>>()
  /** How many flows are under way in a browser. */
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

  /** Runs for its time, then lets the flows under way come to their end. */
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
    // Not all at once: the first sign-ins alone would be a queue.
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

  /** False when the flow has to begin anew. */
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

  /** The browser that was picked, or another of its user that has room for one flow more, or one that is new. */
  #withRoom(picked: Jar, jars: readonly Jar[]): Jar {
    return [picked, ...jars].find((jar) => (this.#open.get(jar) ?? 0) < MOST_FLOWS_PER_JAR) ?? new Jar()
  }

  /** Signs a shared browser in, once, whoever comes first. */
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

  /** One of several operators who do not know of each other. */
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

/** Who walks a flow: drawn from its own numbers, so that the same seed finds the same. */
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
