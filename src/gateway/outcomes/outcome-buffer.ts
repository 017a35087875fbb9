import { MOST_OBSERVATIONS } from '../../outcomes/index.ts'

/** About a minute at 4,000 observations a second, and far more than that at usual rates. */
const MOST_BYTES = 64 << 20
const LONGEST_MS = 5 * 60_000
/** Stays below what the control plane accepts as one body. */
const CHUNK_BYTES = 400 << 10
/** Room for the line that fills a chunk. */
const LONGEST_LINE_BYTES = 4_096
const CHUNK_LINES = MOST_OBSERVATIONS

interface Chunk {
  readonly first: number
  readonly text: Buffer
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
  #open = Buffer.allocUnsafe(CHUNK_BYTES + LONGEST_LINE_BYTES)
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

  /** Appends a piece of a line. All its characters are ASCII. */
  readonly put = (text: string): void => {
    this.#openBytes += this.#open.write(text, this.#openBytes, 'latin1')
  }

  /** Ends a line; `now` in milliseconds of any clock that does not jump. */
  end(now: number): void {
    this.put('\n')
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
    if (chunk === undefined) return { first: this.#next, oldest, count: 0, lines: '', isComplete: true }
    const isComplete = chunk === this.#chunks.at(-1)
    const skipped = start - chunk.first
    const text = chunk.text.toString('latin1')
    const lines = skipped === 0 ? text : text.split('\n').slice(skipped).join('\n')
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
    const text = Buffer.from(this.#open.subarray(0, this.#openBytes - 1))
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
