import { type CallAnswer, CallError, call } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import type { Progress, SideEffectAdapter, SideEffectKind, Step } from './adapter.ts'
import type { SideEffectOutbox, StoredSideEffect } from './outbox.ts'

/** The dependencies of a dispatcher. */
export interface DispatcherOptions {
  readonly outbox: SideEffectOutbox
  readonly adapters: readonly SideEffectAdapter[]
  readonly log: Log
  /** Called for each effect that has ended. */
  readonly onEnd: (kind: SideEffectKind, state: 'done' | 'dead') => void
  /** The first and the longest pause after a failure. Default: 2 s and 10 min. */
  readonly retryMs?: readonly [first: number, longest: number]
}

const CALL_MS = 10_000
const LOOK_MS = 1_000
const HANDS = 4
const MAX_ATTEMPTS = 12
const RETRY_MS = [2_000, 600_000] as const
const PRUNE_MS = 3_600_000
const CLOSE_MS = 2_000

/** Why a step failed, and whether a retry may succeed. */
interface StepFailure {
  readonly why: string
  readonly isLasting: boolean
  /** Whether it certainly had no effect: it was refused, or the connection was never made. */
  readonly isUndone?: boolean
  readonly retryAfterMs?: number | undefined
}

/**
 * Runs the pending side effects: step by step, each stored before the next, a few at a time, on whichever replica
 * claims it first. A failed step is retried with growing pauses; a step that is refused, or fails for too long, is
 * given up and kept for a person to check. Nothing here can delay or undo a change.
 */
export class SideEffectDispatcher {
  readonly #options: DispatcherOptions
  readonly #kinds: readonly SideEffectKind[]
  readonly #look: NodeJS.Timeout | undefined
  readonly #prune: NodeJS.Timeout | undefined
  #hands = 0
  #isClosing = false
  #working = new Set<Promise<void>>()

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#kinds = options.adapters.map(({ kind }) => kind)
    if (this.#kinds.length === 0) return
    this.#look = setInterval(() => this.wake(), LOOK_MS).unref()
    this.#prune = setInterval(() => void options.outbox.prune().catch(() => {}), PRUNE_MS).unref()
    this.wake()
  }

  /** Called when an effect may be due. */
  wake(): void {
    if (this.#isClosing || this.#kinds.length === 0 || this.#hands >= HANDS) return
    this.#hands++
    const work = this.#workOff().finally(() => {
      this.#hands--
      this.#working.delete(work)
    })
    this.#working.add(work)
  }

  /** Stops after the steps in progress, or without them after a time limit: another replica then takes them over. */
  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#look)
    clearInterval(this.#prune)
    await Promise.race([Promise.all(this.#working), new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())])
  }

  async #workOff(): Promise<void> {
    try {
      while (!this.#isClosing) {
        const effect = await this.#options.outbox.claim(this.#kinds)
        if (effect === undefined) return
        // More may be due, for another worker.
        this.wake()
        await this.#carryOut(effect)
      }
    } catch (error) {
      this.#options.log.warn({ cause: (error as Error).message }, 'pending side effects could not be read')
    }
  }

  async #carryOut(effect: StoredSideEffect): Promise<void> {
    const { outbox, adapters } = this.#options
    const adapter = adapters.find(({ kind }) => kind === effect.kind)
    const step = stepOf(adapter, effect)
    if (step.kind === 'give_up') return this.#fail(effect, { why: step.why, isLasting: true })
    if (step.kind === 'done') {
      await outbox.end(effect.id, 'done', null)
      this.#options.onEnd(effect.kind, 'done')
      this.#options.log.info(fieldsOf(effect), 'side effect done')
      return
    }
    if (step.kind === 'act') return this.#act(effect, step.act)
    if (step.begun !== undefined) await outbox.note(effect.id, step.begun)
    const outcome = await take(step)
    if ('why' in outcome) {
      if (step.begun !== undefined && outcome.isUndone) await outbox.note(effect.id, effect.progress)
      return this.#fail(effect, outcome)
    }
    await outbox.advance(effect.id, outcome.progress, outcome.waitMs ?? 0)
    if (outcome.waitMs !== undefined) this.#wakeIn(outcome.waitMs)
  }

  async #act(effect: StoredSideEffect, act: () => Promise<Progress>): Promise<void> {
    let progress: Progress
    try {
      progress = await act()
    } catch (error) {
      this.#options.log.error({ ...fieldsOf(effect), err: error }, 'a step of a side effect failed')
      return this.#fail(effect, { why: 'the control plane could not carry it out', isLasting: false })
    }
    await this.#options.outbox.advance(effect.id, progress, 0)
  }

  /** Earlier than the next poll, if one is due. */
  #wakeIn(waitMs: number): void {
    if (waitMs < LOOK_MS) setTimeout(() => this.wake(), waitMs + 1).unref()
  }

  async #fail(effect: StoredSideEffect, { why, isLasting, retryAfterMs }: StepFailure): Promise<void> {
    const { outbox, log, onEnd, retryMs: [first, longest] = RETRY_MS } = this.#options
    if (isLasting || effect.attempts + 1 >= MAX_ATTEMPTS) {
      await outbox.end(effect.id, 'dead', why)
      onEnd(effect.kind, 'dead')
      log.error({ ...fieldsOf(effect), why }, 'side effect given up')
      return
    }
    const pause = Math.min(longest, first * 2 ** effect.attempts) * (0.75 + Math.random() / 2)
    const waitMs = Math.min(longest, Math.max(pause, retryAfterMs ?? 0))
    await outbox.postpone(effect.id, why, waitMs)
    this.#wakeIn(waitMs)
    log.warn({ ...fieldsOf(effect), why, attempts: effect.attempts + 1 }, 'side effect failed, will retry')
  }
}

/**
 * A step that cannot be built, because the event is from another release or an address is invalid, is left to a person.
 */
function stepOf(adapter: SideEffectAdapter | undefined, { event, progress, id }: StoredSideEffect): Step {
  try {
    return adapter?.next(event, progress, id) ?? { kind: 'done' }
  } catch {
    return { kind: 'give_up', why: 'the next step cannot be determined' }
  }
}

/** Errors of a connection that was never established. */
const NOBODY_THERE = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/

/** Runs one step. The failure contains neither an address nor a response's text: both may hold secrets. */
async function take(step: Extract<Step, { kind: 'call' }>) {
  const { method, url, headers = {}, json, onAnswer } = step
  let answer: CallAnswer
  try {
    answer = await call({ method, url, headers, timeoutMs: CALL_MS, ...(json === undefined ? {} : { json }) })
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    const why = error.timedOut ? `no answer within ${CALL_MS} ms` : 'no connection, or no answer on it'
    const isUndone = NOBODY_THERE.test(String((error.cause as NodeJS.ErrnoException | undefined)?.code))
    return { why, isLasting: false, isUndone } satisfies StepFailure
  }
  const { status } = answer
  if (status < 200 || status > 299) {
    const isLasting = status < 500 && status !== 408 && status !== 429
    const isUndone = status < 500 || status === 503
    const retryAfterMs = retryAfterOf(answer)
    return { why: `answered with status ${status}`, isLasting, isUndone, retryAfterMs } satisfies StepFailure
  }
  try {
    const outcome = onAnswer(answer)
    if (!isStorable(outcome.progress)) throw new Error('PostgreSQL cannot store it')
    return outcome
  } catch {
    // It may have taken effect, so it is not repeated.
    return { why: `answered with status ${status} and an unreadable body`, isLasting: true } satisfies StepFailure
  }
}

/** Whether PostgreSQL can store all its text: otherwise the step would be repeated forever. */
function isStorable(progress: Progress): boolean {
  return Object.values(progress).every(
    (value) => typeof value !== 'string' || (!value.includes('\0') && value.isWellFormed()),
  )
}

function retryAfterOf({ headers }: CallAnswer): number | undefined {
  const seconds = Number(headers['retry-after'])
  return seconds > 0 ? seconds * 1_000 : undefined
}

function fieldsOf({ id, kind, event }: StoredSideEffect) {
  const { environment, name, version, cause } = event
  return { effect: id, kind, key: name, environment, version, correlation_id: cause?.correlation_id }
}
