import { MOST_OBSERVATIONS } from '../../outcomes/index.ts'

/** About a minute at 4,000 observations a second, and far more than that at usual rates. */
const MOST_CHARS = 64 << 20
const LONGEST_MS = 5 * 60_000
/** Stays below what the control plane accepts as one body. */
const CHUNK_CHARS = 400 << 10
const CHUNK_LINES = MOST_OBSERVATIONS

interface Chunk {
  readonly first: number
  readonly text: string
  readonly count: number
  readonly closedAt: number
}

/** Observations that are ready to be sent. */
export interface ReadyBatch {
  readonly first: number
  readonly oldest: number
  readonly count: number
  readonly lines: string
  /** Nothing newer is waiting. */
  readonly isComplete: boolean
}

/**
 * Keeps observations until the control plane has stored them: at most five minutes and 64 MiB, the newest ones. Numbers
 * them from 1; dropped ones keep their numbers, so the control plane notices the gap.
 */
export class OutcomeBuffer {
  #chunks: Chunk[] = []
  #open: string[] = []
  #openChars = 0
  #keptChars = 0
  #next = 1
  readonly #mostChars: number

  /** @param mostChars limits the memory */
  constructor(mostChars: number = MOST_CHARS) {
    this.#mostChars = mostChars
  }

  /** The sequence number of the next observation. */
  get next(): number {
    return this.#next
  }

  /** The sequence number of the oldest observation that is kept. */
  get oldest(): number {
    return this.#chunks[0]?.first ?? this.#next - this.#open.length
  }

  /** Appends an observation; `now` in milliseconds of any clock that does not jump. */
  append(line: string, now: number): void {
    this.#open.push(line)
    this.#openChars += line.length + 1
    this.#next++
    if (this.#open.length >= CHUNK_LINES || this.#openChars >= CHUNK_CHARS) this.#close(now)
  }

  /** Returns what is to be sent next, from sequence number `from` on. */
  ready(from: number, now: number): ReadyBatch {
    if (this.#open.length > 0) this.#close(now)
    const { oldest } = this
    const start = Math.max(from, oldest)
    const chunk = this.#chunks.find(({ first, count }) => first + count > start)
    if (chunk === undefined) return { first: this.#next, oldest, count: 0, lines: '', isComplete: true }
    const isComplete = chunk === this.#chunks.at(-1)
    const skipped = start - chunk.first
    const lines = skipped === 0 ? chunk.text : chunk.text.split('\n').slice(skipped).join('\n')
    return { first: start, oldest, count: chunk.count - skipped, lines, isComplete }
  }

  /** Forgets everything before a sequence number. */
  stored(before: number): void {
    let done = 0
    for (const { first, count } of this.#chunks) {
      if (first + count > before) break
      done++
    }
    this.#drop(done)
  }

  /** Forgets what is too old. */
  trim(now: number): void {
    let done = 0
    for (const { closedAt } of this.#chunks) {
      if (now - closedAt <= LONGEST_MS) break
      done++
    }
    this.#drop(done)
  }

  #close(now: number): void {
    const count = this.#open.length
    const text = this.#open.join('\n')
    this.#chunks.push({ first: this.#next - count, text, count, closedAt: now })
    this.#keptChars += this.#openChars
    this.#open = []
    this.#openChars = 0
    while (this.#keptChars > this.#mostChars && this.#chunks.length > 1) this.#drop(1)
  }

  #drop(count: number): void {
    if (count === 0) return
    for (const { text } of this.#chunks.splice(0, count)) this.#keptChars -= text.length + 1
  }
}
