import { MOST_OBSERVATIONS, type Observation, putObservation } from '../../outcomes/index.ts'

/** About a minute at 4,000 observations a second, and far more than that at usual rates. */
const MOST_BYTES = 64 << 20
const LONGEST_MS = 5 * 60_000
/**
 * Stays below 1 MiB, what the control plane accepts as one body. As large as possible: batches are sent one after the
 * other, so on a slow machine small ones arrive later and later.
 */
const CHUNK_BYTES = 960 << 10
/** Room for the line that fills a chunk. */
const LONGEST_LINE_BYTES = 4_096
const CHUNK_LINES = MOST_OBSERVATIONS
/**
 * Between two lines: the two characters with which a JSON string spells a line break, so that a chunk goes into a JSON
 * document as it is. Nothing else in a line needs to be escaped.
 */
const [BACKSLASH, LETTER_N] = [0x5c, 0x6e]
const LINE_BREAK = 2
const NOTHING = new Uint8Array(0)

interface Chunk {
  readonly first: number
  readonly text: Uint8Array
  readonly count: number
  readonly closedAt: number
}

/** Observations that are ready to be sent. */
export interface ReadyBatch {
  readonly first: number
  readonly oldest: number
  readonly count: number
  /** The lines as the content of a JSON string, in ASCII. */
  readonly lines: Uint8Array
  /** Nothing newer is waiting. */
  readonly isComplete: boolean
}

/**
 * Keeps observations until the control plane has stored them: at most five minutes and 64 MiB, the newest ones. Numbers
 * them from 1; dropped ones keep their numbers, so the control plane notices the gap.
 */
export class OutcomeBuffer {
  #chunks: Chunk[] = []
  readonly #open = Buffer.allocUnsafe(CHUNK_BYTES + LONGEST_LINE_BYTES)
  #openBytes = 0
  #openLines = 0
  #keptBytes = 0
  #next = 1
  readonly #mostBytes: number

  /** @param mostBytes limits the memory */
  constructor(mostBytes: number = MOST_BYTES) {
    this.#mostBytes = mostBytes
  }

  /** The sequence number of the next observation. */
  get next(): number {
    return this.#next
  }

  /** The sequence number of the oldest observation that is kept. */
  get oldest(): number {
    return this.#chunks[0]?.first ?? this.#next - this.#openLines
  }

  /** Keeps an observation; `now` in milliseconds of any clock that does not jump. */
  add(seen: Observation, now: number): void {
    const end = putObservation(seen, this.#open, this.#openBytes)
    this.#open[end] = BACKSLASH
    this.#open[end + 1] = LETTER_N
    this.#openBytes = end + LINE_BREAK
    this.#openLines++
    this.#next++
    if (this.#openLines >= CHUNK_LINES || this.#openBytes >= CHUNK_BYTES) this.#close(now)
  }

  /** Returns what is to be sent next, from sequence number `from` on. */
  ready(from: number, now: number): ReadyBatch {
    if (this.#openLines > 0) this.#close(now)
    const { oldest } = this
    const start = Math.max(from, oldest)
    const chunk = this.#chunks.find(({ first, count }) => first + count > start)
    if (chunk === undefined) return { first: this.#next, oldest, count: 0, lines: NOTHING, isComplete: true }
    const isComplete = chunk === this.#chunks.at(-1)
    const skipped = start - chunk.first
    const lines = chunk.text.subarray(startOfLine(chunk.text, skipped))
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
    const count = this.#openLines
    // Without the end of the last line.
    const text = Buffer.from(this.#open.subarray(0, this.#openBytes - LINE_BREAK))
    this.#chunks.push({ first: this.#next - count, text, count, closedAt: now })
    this.#keptBytes += text.length
    this.#openBytes = 0
    this.#openLines = 0
    while (this.#keptBytes > this.#mostBytes && this.#chunks.length > 1) this.#drop(1)
  }

  #drop(count: number): void {
    if (count === 0) return
    for (const { text } of this.#chunks.splice(0, count)) this.#keptBytes -= text.length
  }
}

/** Where a line begins in the text of a chunk; lines count from 0. */
function startOfLine(text: Uint8Array, line: number): number {
  let start = 0
  for (let skipped = 0; skipped < line; skipped++) start = text.indexOf(BACKSLASH, start) + LINE_BREAK
  return start
}
