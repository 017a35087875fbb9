import { Duplex } from 'node:stream'

/** AuthenticationOk and ReadyForQuery: a server's answer to the start-up message. */
const GREETING = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])
const TERMINATE = 0x58

/**
 * A session with the engine: a stream that looks like a socket to `pg`, and emits `connect` once the session has
 * started.
 */
export class EngineSession extends Duplex {
  readonly #send: (bytes: Buffer) => void
  #hasGreeted = false
  #hasBegun = false
  #unanswered = 0

  /** `send` passes messages to the engine; each call is answered by one call of {@link deliver}. */
  constructor(send: (bytes: Buffer) => void) {
    super()
    this.#send = send
  }

  /** Whether the engine is still working for this session. */
  get isAwaited(): boolean {
    return this.#unanswered > 0
  }

  /** Whether something may have been sent to the engine. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  begin(): void {
    this.#hasBegun = true
    this.emit('connect')
  }

  deliver(bytes: Buffer): void {
    this.#unanswered--
    if (!this.destroyed) this.push(bytes)
  }

  /** Socket methods that `pg` calls and the engine does not need. */
  connect(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#pass(chunk)
    done()
  }

  override _writev(chunks: Array<{ chunk: Buffer }>, done: () => void): void {
    this.#pass(Buffer.concat(chunks.map((part) => part.chunk)))
    done()
  }

  override _final(done: () => void): void {
    this.push(null)
    done()
  }

  #pass(bytes: Buffer): void {
    if (!this.#hasGreeted) {
      // The start-up message has no type byte and requests a session that has already started.
      this.#hasGreeted = true
      this.push(GREETING)
      return
    }
    if (bytes[0] === TERMINATE) return
    this.#unanswered++
    this.#send(bytes)
  }
}
