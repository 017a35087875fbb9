import type { Reply } from './transport.ts'

/** A longer response cannot deliver a credential that the gateway could record. */
const HELD_LIMIT = 64 << 10

/**
 * Holds a response back until the other gateways know which credentials it issues, so that the client cannot present
 * them to another gateway earlier. Both transports send a head together with the body that follows, or on `flush`.
 */
export class HeldReply implements Reply {
  readonly #reply: Reply
  readonly #settled: () => Promise<void> | undefined
  #chunks: Buffer[] | undefined = []
  #size = 0
  #isCut = false

  /**
   * @param settled resolves once the other gateways know, or its time limit has passed; undefined if nothing is pending
   */
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
