import type { LineOutput } from './batched-output.ts'
import type { LogSink } from './log-sink.ts'

/** About 10,000 routing decisions. */
const MOST_BYTES = 4 << 20
const CHUNK_BYTES = 1 << 20
/** Linux writes up to this much to a pipe atomically (PIPE_BUF), so the lines of several processes stay intact. */
const ATOMIC_BYTES = 4 << 10
const FULL_RETRY_MS = 10
const FAULT_RETRY_MS = 250
const EXIT_PATIENCE_MS = 500
const NEWLINE = 0x0a

let droppedInAll = 0

/**
 * Returns the number of log lines that this process has dropped since startup because an output did not accept them.
 */
export function droppedLogLines(): number {
  return droppedInAll
}

/**
 * An output for log lines that neither blocks nor fails. Lines that the sink does not accept wait in memory, up to 4
 * MiB. Further lines are dropped and counted, and a warning reports their number once the sink accepts lines again.
 */
export class BoundedOutput implements LineOutput {
  readonly #sink: LogSink
  readonly #component: string
  readonly #mostBytes: number
  readonly #waiting: Buffer[] = []
  #waitingBytes = 0
  /** Bytes at the head of the queue that are being written. */
  #inFlight = 0
  #retry: NodeJS.Timeout | undefined
  /** The last write was partial, so small writes keep the lines of several processes apart. */
  #isCongested = false
  #dropped = 0
  #cause = ''

  /** @param component the name under which dropped lines are reported */
  constructor(sink: LogSink, component: string, mostBytes = MOST_BYTES) {
    this.#sink = sink
    this.#component = component
    this.#mostBytes = mostBytes
  }

  /** @param lines complete lines, each with its newline */
  write(lines: string): void {
    this.writeBytes(Buffer.from(lines))
  }

  /** The same for lines that are bytes already, which it keeps. */
  writeBytes(bytes: Buffer): void {
    if (this.#waitingBytes + bytes.length > this.#mostBytes) this.#drop(bytes)
    else this.#append(bytes)
    if (this.#inFlight === 0 && this.#retry === undefined) this.#pump()
  }

  /** Writes pending lines, for at most half a second: for the exit of the process and for fatal errors. */
  flushSync(): void {
    // The thread that writes these bytes finishes before the process ends.
    this.#remove(this.#inFlight)
    this.#inFlight = 0
    const until = performance.now() + EXIT_PATIENCE_MS
    for (let piece = this.#nextPiece(); piece !== undefined; piece = this.#nextPiece()) {
      try {
        this.#remove(this.#sink.writeSync(piece))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > until) return
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_RETRY_MS)
      }
    }
  }

  #pump(): void {
    this.#retry = undefined
    for (;;) {
      const piece = this.#nextPiece()
      if (piece === undefined) return
      this.#inFlight = piece.length
      let isImmediate = true
      this.#sink.write(piece, (error, written) => {
        this.#settle(error, written)
        if (!isImmediate && this.#retry === undefined) this.#pump()
      })
      isImmediate = false
      if (this.#inFlight > 0 || this.#retry !== undefined) return
    }
  }

  #settle(error: NodeJS.ErrnoException | null, written: number): void {
    const asked = this.#inFlight
    this.#inFlight = 0
    if (error !== null) {
      this.#isCongested = true
      const isFull = error.code === 'EAGAIN'
      this.#cause = isFull ? 'the reader is too slow' : (error.code ?? error.message)
      this.#retry = setTimeout(() => this.#pump(), isFull ? FULL_RETRY_MS : FAULT_RETRY_MS).unref()
      return
    }
    this.#remove(Math.min(written, asked))
    this.#isCongested = written < asked || (this.#isCongested && this.#waitingBytes > 0)
    if (this.#dropped > 0 && this.#waitingBytes <= this.#mostBytes / 2) this.#reportDropped()
  }

  /**
   * Returns the next piece to write: many lines at once, or complete lines of at most {@link ATOMIC_BYTES} while the
   * sink is congested.
   */
  #nextPiece(): Buffer | undefined {
    const first = this.#waiting[0]
    if (first === undefined) return undefined
    if (this.#isCongested) {
      if (first.length <= ATOMIC_BYTES) return first
      const end = first.lastIndexOf(NEWLINE, ATOMIC_BYTES - 1) + 1
      return first.subarray(0, end > 0 ? end : first.indexOf(NEWLINE) + 1 || first.length)
    }
    if (first.length >= CHUNK_BYTES || this.#waiting.length === 1) return first
    let [count, length] = [0, 0]
    for (const part of this.#waiting) {
      if (count > 0 && length + part.length > CHUNK_BYTES) break
      count++
      length += part.length
    }
    const joined = Buffer.concat(this.#waiting.slice(0, count), length)
    this.#waiting.splice(0, count, joined)
    return joined
  }

  #append(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
  }

  #remove(count: number): void {
    this.#waitingBytes -= count
    let rest = count
    while (rest > 0) {
      const first = this.#waiting[0] as Buffer
      if (first.length > rest) {
        this.#waiting[0] = first.subarray(rest)
        return
      }
      rest -= first.length
      this.#waiting.shift()
    }
  }

  #drop(bytes: Buffer): void {
    let lines = 0
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines++
    this.#dropped += lines
    droppedInAll += lines
  }

  #reportDropped(): void {
    const line = {
      level: 'warn',
      time: new Date().toISOString(),
      component: this.#component,
      dropped_lines: this.#dropped,
      cause: this.#cause,
      msg: 'the log output did not take all lines; some were dropped',
    }
    this.#dropped = 0
    this.#append(Buffer.from(`${JSON.stringify(line)}\n`))
  }
}
