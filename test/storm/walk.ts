import type { StormApplication, StormUser } from './population.ts'
import type { Random } from './random.ts'
import type { Answer, Jar, Lost, Web, WebRequest } from './web.ts'

/**
 * Which side has to answer a request: the side that issued its credential, either side that may begin a flow, or a page
 * in between.
 */
export type Holder = 'iam' | 'legacy' | 'new' | 'either'

/** A flow failed a check: what happened at which step. */
export class BrokenFlow extends Error {
  readonly step: string
  constructor(step: string, detail: string) {
    super(`${step}: ${detail}`)
    this.name = 'BrokenFlow'
    this.step = step
  }
}

/** A request with a lost response may have used up a one-time credential: the client starts again. */
export class BeginAnew extends Error {}

/** One request and its outcome, for the story of a flow. */
export interface StepRecord {
  readonly step: string
  readonly gateway: number
  readonly startedAt: number
  readonly endedAt: number
  readonly outcome: string
}

/** What a walk needs from its storm. */
export interface WalkContext {
  readonly web: Web
  /** Called before each request; a story makes its flips here. */
  beforeStep(index: number): Promise<void>
  /** Milliseconds until the next step. */
  think(random: Random): number
  /** Whether an injected fault explains an outage. Times are from `performance.now()`. */
  isExcused(holder: Holder, outage: Outage, gateway: number, from: number, to: number): boolean
  onStep(record: StepRecord): void
}

/** How a request can fail to get a response. `refused` is the 503 with Retry-After. */
export type Outage = 'refused' | 'bad_gateway' | 'lost'

/** How long a client keeps retrying. */
const PATIENCE_MS = 90_000
const RETRY_MS = 400

/** One flow in progress: its participants, and its requests, retried as the RFCs allow. */
export class Walk {
  readonly application: StormApplication
  readonly user: StormUser
  readonly jar: Jar
  readonly random: Random
  readonly #context: WalkContext
  #steps = 0
  /** The response to a request that may have had an effect was lost. */
  #isDoubtful = false

  constructor(
    who: { readonly application: StormApplication; readonly user: StormUser; readonly jar: Jar },
    random: Random,
    context: WalkContext,
  ) {
    this.application = who.application
    this.user = who.user
    this.jar = who.jar
    this.random = random
    this.#context = context
  }

  get issuer(): string {
    return this.#context.web.issuer.origin
  }

  url(path: string, query: Readonly<Record<string, string>> = {}): URL {
    const url = new URL(path, this.issuer)
    url.search = new URLSearchParams(query).toString()
    return url
  }

  /** Sends a request until it is answered. Throws {@link BrokenFlow} for an outage that no fault explains. */
  async send(step: string, holder: Holder, request: WebRequest): Promise<Answer> {
    const until = performance.now() + PATIENCE_MS
    for (;;) {
      await sleep(this.#context.think(this.random))
      await this.#context.beforeStep(this.#steps++)
      const gateway = this.random.below(this.#context.web.gateways)
      const startedAt = performance.now()
      const outcome = await this.#context.web.send(request, gateway)
      const endedAt = performance.now()
      const outage = outageOf(outcome)
      this.#context.onStep({ step, gateway, startedAt, endedAt, outcome: inWords(outcome) })
      if (outage === undefined) return outcome as Answer
      if (!this.#context.isExcused(holder, outage, gateway, startedAt, endedAt)) {
        throw new BrokenFlow(step, inWords(outcome))
      }
      if (request.method === 'POST' || holder === 'iam') this.#isDoubtful = true
      if (performance.now() > until) throw new BrokenFlow(step, `no answer for ${PATIENCE_MS / 1_000} s`)
      await sleep(RETRY_MS * (1 + this.random.next()))
    }
  }

  /** Checks a result of the flow; after a lost response it starts again instead of failing. */
  expect(step: string, isAsItShould: boolean, answer: Answer | string): asserts isAsItShould {
    if (isAsItShould) return
    if (this.#isDoubtful) throw new BeginAnew(step)
    throw new BrokenFlow(step, typeof answer === 'string' ? answer : inWords(answer))
  }
}

function outageOf(outcome: Answer | Lost): Outage | undefined {
  if ('lost' in outcome) return 'lost'
  if (outcome.status === 503 && outcome.headers['retry-after'] !== undefined) return 'refused'
  return outcome.status === 502 || outcome.status === 504 ? 'bad_gateway' : undefined
}

function inWords(outcome: Answer | Lost): string {
  if ('lost' in outcome) return `lost (${outcome.lost})`
  const { status, location, body } = outcome
  if (location !== undefined) return `${status} to ${location.host}${location.pathname}`
  const error = /"error":"([a-z_]+)"/.exec(body)?.[1] ?? /<h1>([^<]{1,80})/.exec(body)?.[1]
  const why = status < 400 ? undefined : /<pre>([^<]{1,120})/.exec(body)?.[1]
  return [status, error, why].filter((part) => part !== undefined).join(' ')
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
