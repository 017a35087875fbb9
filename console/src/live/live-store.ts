import { SILENCE_MS } from './follow.ts'

/** Whether what the page shows is current; `since` is when the control plane was last heard. */
export type LiveState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'stale'; readonly since: Date }

const CHECK_MS = 500

/** The state of the connection, judged by the time since anything was heard. */
export class LiveStore {
  readonly #listeners = new Set<() => void>()
  readonly #openedAt = Date.now()
  #heardAt: number | undefined
  #state: LiveState = { kind: 'connecting' }
  #timer: ReturnType<typeof setInterval> | undefined

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    this.#timer ??= setInterval(() => this.#judge(), CHECK_MS)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  readonly state = (): LiveState => this.#state

  heard(): void {
    this.#heardAt = Date.now()
    this.#judge()
  }

  #judge(): void {
    const next = judge(this.#heardAt, this.#openedAt, Date.now())
    if (next.kind === this.#state.kind) return
    this.#state = next
    for (const listener of this.#listeners) listener()
  }
}

/** Judges the connection: silent for five seconds is stale, whether it was ever heard or not. */
export function judge(heardAt: number | undefined, openedAt: number, now: number): LiveState {
  const last = heardAt ?? openedAt
  if (now - last >= SILENCE_MS) return { kind: 'stale', since: new Date(last) }
  return heardAt === undefined ? { kind: 'connecting' } : { kind: 'live' }
}
