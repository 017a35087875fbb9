import type { Reply } from './lane.ts'

/** An answer longer than this hands nothing to a client that could be learned. */
const HELD_LIMIT = 64 << 10

/**
 * Holds an answer back until others know what it issues: the client cannot come back with it, to another gateway,
 * sooner than that gateway can be told whose it is. Both lanes send a head no sooner than what follows it, or `flush`.
 */
export class HeldReply implements Reply {
  readonly #reply: Reply
  readonly #settled: () => Promise<void> | undefined
  #chunks: Buffer[] | undefined = []
  #size = 0
  #isCut = false

  /** @param settled resolves as soon as the others know, and soon in any case; undefined when they do already */
  constructor(reply: Reply, settled: () => Promise<void> | undefined) {
    this.#reply = reply
    this.#settled = settled
  }

  get status(): number {
    return this.#reply.status
  }

  head(...head: Parameters<Reply['head']>): void {
    this.#reply.head(...head)
  }

  /** Holds the head back too. */
  flush(): void {}

  data(chunk: Buffer, onDrain: () => void): boolean {
    if (this.#chunks === undefined) return this.#reply.data(chunk, onDrain)
    this.#chunks.push(chunk)
    this.#size += chunk.length
    return this.#size <= HELD_LIMIT || this.#release(onDrain)
  }

  end(trailers: Parameters<Reply['end']>[0]): void {
    const finish = () => {
      if (this.#isCut) return
      this.#release(() => {})
      this.#reply.end(trailers)
    }
    const settled = this.#settled()
    if (settled === undefined) finish()
    else void settled.then(finish)
  }

  earlyHints(links: string | string[]): void {
    this.#reply.earlyHints(links)
  }

  cut(): void {
    this.#isCut = true
    this.#reply.cut()
  }

  local(...answer: Parameters<Reply['local']>): void {
    this.#reply.local(...answer)
  }

  #release(onDrain: () => void): boolean {
    const chunks = this.#chunks ?? []
    this.#chunks = undefined
    if (chunks.length === 0) return true
    return this.#reply.data(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), onDrain)
  }
}
