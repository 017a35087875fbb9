import { MOST_IN_BATCH } from '../handoff/index.ts'
import type { DeliveryOutcome, OutgoingApplication, RemovedApplication, ReplicationTarget } from './ports.ts'

/** Targets read 1 MiB; the rest is for what surrounds the documents. */
const MOST_BYTES = 768 << 10
const CONCURRENCY = 8
/**
 * A target that fails on this many documents in a row is considered broken, rather than failing on individual
 * documents.
 */
const FAILURES_IN_A_ROW = 20

/** An older target receives so few that a run can stop soon. */
const MOST_SINGLY = 64

/** How many documents are sent at once in a run: fewer after a target was late, then more again. */
export class BatchSize {
  #current: number = MOST_IN_BATCH
  #isSingle = false

  get current(): number {
    return this.#isSingle ? MOST_SINGLY : this.#current
  }

  /** Whether the target knows no batches. */
  get isSingle(): boolean {
    return this.#isSingle
  }

  becomeSingle(): void {
    this.#isSingle = true
  }

  shrink(): void {
    this.#current = Math.max(1, Math.floor(this.#current / 4))
  }

  grow(): void {
    this.#current = Math.min(MOST_IN_BATCH, this.#current * 2)
  }
}

/** The outcomes of what was sent; what is missing was not sent, because the target was unreachable before. */
export interface Sent {
  readonly documents: ReadonlyMap<OutgoingApplication, DeliveryOutcome>
  readonly removals: ReadonlyMap<RemovedApplication, DeliveryOutcome>
  readonly unreachable: string | undefined
}

/**
 * Sends documents in batches, and one by one where the target knows no batches, refuses one, or fails on one, so that
 * a single document cannot hold up the others; then sends removals one by one.
 */
export async function sendAll(
  target: ReplicationTarget,
  outgoing: readonly OutgoingApplication[],
  removals: readonly RemovedApplication[],
  size: BatchSize,
): Promise<Sent> {
  const documents = new Map<OutgoingApplication, DeliveryOutcome>()
  const removed = new Map<RemovedApplication, DeliveryOutcome>()
  const singly = new Singly()
  let unreachable: string | undefined
  for (const part of parts(outgoing)) {
    const answer = !size.isSingle && part.length > 1 ? await target.putAll(part) : undefined
    if (answer?.kind === 'unreachable') {
      if (answer.isLate) size.shrink()
      unreachable = answer.reason
    } else if (answer?.kind === 'each') {
      size.grow()
      answer.outcomes.forEach((outcome, at) => {
        const document = part[at]
        if (document !== undefined) documents.set(document, outcome)
      })
    } else {
      if (answer?.kind === 'singly' && answer.isUnknown) size.becomeSingle()
      unreachable = await singly.send(part, (document) => target.put(document), documents)
    }
    if (unreachable !== undefined) return { documents, removals: removed, unreachable }
  }
  unreachable = await singly.send(removals, (removal) => target.remove(removal), removed)
  return { documents, removals: removed, unreachable }
}

/** Sends one by one, several at a time, and notices a target that fails on everything. */
class Singly {
  #failuresInARow = 0

  async send<Item>(
    items: readonly Item[],
    send: (item: Item) => Promise<DeliveryOutcome>,
    outcomes: Map<Item, DeliveryOutcome>,
  ): Promise<string | undefined> {
    let unreachable: string | undefined
    const queue = items.values()
    const worker = async () => {
      for (const item of queue) {
        const outcome = await send(item)
        outcomes.set(item, outcome)
        this.#failuresInARow = outcome.kind === 'failed' ? this.#failuresInARow + 1 : 0
        if (outcome.kind === 'unreachable') unreachable = outcome.reason
        if (outcome.kind === 'failed' && this.#failuresInARow >= FAILURES_IN_A_ROW) unreachable = outcome.reason
        if (unreachable !== undefined) return
      }
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, worker))
    return unreachable
  }
}

/** Divides documents into parts that a target reads; a document that is too large for any stands alone. */
function* parts(outgoing: readonly OutgoingApplication[]): Generator<readonly OutgoingApplication[]> {
  let part: OutgoingApplication[] = []
  let bytes = 0
  for (const document of outgoing) {
    const length = Buffer.byteLength(JSON.stringify(document))
    if (part.length > 0 && bytes + length > MOST_BYTES) {
      yield part
      part = []
      bytes = 0
    }
    part.push(document)
    bytes += length
  }
  if (part.length > 0) yield part
}
