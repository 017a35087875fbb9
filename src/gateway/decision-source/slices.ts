import { setImmediate as turn } from 'node:timers/promises'
import type { Acceptance, SnapshotInput } from '../../routing/index.ts'

/** How long reading or writing a snapshot may keep requests waiting. */
const SLICE_MS = 4

/** Divides long work into slices; other work gets a turn between them. */
export class Slices {
  #began = performance.now()

  /** Whether the current slice has lasted long enough. */
  get isOver(): boolean {
    return performance.now() - this.#began >= SLICE_MS
  }

  /** Resolves when others had their turn, and a new slice begins. */
  async next(): Promise<void> {
    await turn()
    this.#began = performance.now()
  }
}

/** Yields the result of each complete line and block, in slices. Stops at the first refusal. */
export async function* resultsOf(chunks: AsyncIterable<Buffer>, input: SnapshotInput): AsyncGenerator<Acceptance> {
  const slices = new Slices()
  for await (const chunk of chunks) {
    for (const result of input.push(chunk)) {
      yield result
      if (result.kind === 'refused') return
      if (slices.isOver) await slices.next()
    }
  }
}
