import type { CompletedFlow } from './flow-outcome.ts'
import type { Asked, Observation } from './observation.ts'
import type { OutcomeSide } from './vocabulary.ts'

/** A flow that a user began and has to complete. */
export interface Start {
  readonly applicationId: number
  readonly side: OutcomeSide
  readonly flow: CompletedFlow
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly caller: string
  readonly requestId: string
  readonly asked: Asked
  /** Finds it again until a code is issued; undefined if nothing does. */
  readonly flowKey: string | undefined
  /** Identifies the grant in outcomes. */
  grant: string
  /** The start counts as not completed after this time, in milliseconds since the epoch. */
  due: number
  isComplete: boolean
  /** An outcome has been counted for this grant. */
  hasOutcome: boolean
}

const MOST_STARTS = 250_000

/**
 * The starts of one environment. Starts of one application, side and flow are judged in the order in which they began,
 * each when its time is over, whether it was completed early or not at all. Bounded: beyond the limit, new starts are not
 * followed, complete or not.
 */
export class PendingStarts {
  readonly #open = new Map<string, Start>()
  /** The starts whose users have received a code, by flow, and when they did, until they are judged. */
  readonly #closed = new Map<string, { readonly start: Start; readonly at: number }>()
  readonly #codes = new Map<string, Start>()
  readonly #codesOf = new Map<Start, string[]>()
  readonly #queues = new Map<string, Start[]>()
  readonly #calendar = new Map<number, Set<string>>()
  readonly #judge: (start: Start) => void
  #size = 0
  #ignored = 0
  /** Every second before this one has been judged. */
  #judged = 0
  /** No start is due before this second. */
  #earliest = Number.POSITIVE_INFINITY

  /** @param judge receives each start when its time is over */
  constructor(judge: (start: Start) => void) {
    this.#judge = judge
  }

  get size(): number {
    return this.#size
  }

  /** How many starts were not followed because too many were open. */
  get ignored(): number {
    return this.#ignored
  }

  /** Returns the start of a flow that is followed: the open one, or else the one whose user has received a code. */
  startOfFlow(flow: string | undefined): Start | undefined {
    return flow === undefined ? undefined : (this.#open.get(flow) ?? this.#closed.get(flow)?.start)
  }

  /**
   * Returns the start that a step of its flow belongs to: the open one, whose user has not received a code yet, or the one
   * whose user received it after this step, which a gateway reports late. `at` is when the step happened, in milliseconds
   * since the epoch.
   */
  startContinuedBy(flow: string | undefined, at: number): Start | undefined {
    if (flow === undefined) return undefined
    const closed = this.#closed.get(flow)
    return this.#open.get(flow) ?? (closed !== undefined && at <= closed.at ? closed.start : undefined)
  }

  /**
   * Returns the start that a refusal without a flow most probably belongs to: the last one of the same application, side
   * and caller whose user has not received a code.
   */
  latestOf({ applicationId, side, caller, at }: Pick<Observation, 'applicationId' | 'side' | 'caller' | 'at'>) {
    const queue = this.#queues.get(`${applicationId} ${side} sign_in`)
    return queue?.findLast((start) => start.caller === caller && start.startedAt <= at && !this.#codesOf.has(start))
  }

  /** Returns the start whose code or device code has this hash. */
  startOfCode(code: string): Start | undefined {
    return this.#codes.get(code)
  }

  /** Follows a new start; false if too many are open. */
  begin(start: Start): boolean {
    if (this.#size >= MOST_STARTS) {
      this.#ignored++
      return false
    }
    this.#size++
    if (start.flowKey !== undefined) this.#open.set(start.flowKey, start)
    this.#enqueue(start)
    return true
  }

  /** Notes the code that the user's browser or device has received, and when, in milliseconds since the epoch. */
  issued(start: Start, code: string, at: number): void {
    this.#close(start)
    if (start.flowKey !== undefined) this.#closed.set(start.flowKey, { start, at })
    this.#codes.set(code, start)
    const codes = this.#codesOf.get(start)
    if (codes) codes.push(code)
    else this.#codesOf.set(start, [code])
  }

  /** Judges every start that was due by `now`, in milliseconds since the epoch. */
  advance(now: number): void {
    const until = Math.floor(now / 1_000)
    for (let second = this.#earliest; second < until; second++) this.#judgeSecond(second)
    if (this.#earliest < until) this.#earliest = this.#calendar.size === 0 ? Number.POSITIVE_INFINITY : until
    this.#judged = Math.max(this.#judged, until)
  }

  #enqueue(start: Start): void {
    const key = `${start.applicationId} ${start.side} ${start.flow}`
    const queue = this.#queues.get(key) ?? []
    if (queue.length === 0) this.#queues.set(key, queue)
    let at = queue.length
    while (at > 0 && (queue[at - 1] as Start).startedAt > start.startedAt) at--
    // A start is never judged before one that began earlier.
    const before = queue[at - 1]
    if (before !== undefined && before.due > start.due) start.due = before.due
    queue.splice(at, 0, start)
    const second = Math.max(Math.floor(start.due / 1_000), this.#judged)
    this.#earliest = Math.min(this.#earliest, second)
    const day = this.#calendar.get(second)
    if (day) day.add(key)
    else this.#calendar.set(second, new Set([key]))
  }

  #judgeSecond(second: number): void {
    const keys = this.#calendar.get(second)
    if (keys === undefined) return
    this.#calendar.delete(second)
    const over = (second + 1) * 1_000
    for (const key of keys) {
      const queue = this.#queues.get(key)
      if (queue === undefined) continue
      let done = 0
      while (done < queue.length && (queue[done] as Start).due < over) done++
      for (const start of queue.splice(0, done)) this.#end(start)
      if (queue.length === 0) this.#queues.delete(key)
    }
  }

  #end(start: Start): void {
    this.#size--
    this.#close(start)
    const { flowKey } = start
    if (flowKey !== undefined && this.#closed.get(flowKey)?.start === start) this.#closed.delete(flowKey)
    for (const code of this.#codesOf.get(start) ?? []) this.#codes.delete(code)
    this.#codesOf.delete(start)
    this.#judge(start)
  }

  #close(start: Start): void {
    const { flowKey } = start
    if (flowKey !== undefined && this.#open.get(flowKey) === start) this.#open.delete(flowKey)
  }
}
