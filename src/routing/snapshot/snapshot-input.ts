import type { Acceptance, SnapshotReader } from './snapshot-reader.ts'

/** The longest line, in bytes. A line of format 1 that names all actors of a flag may be long. */
const MAX_LINE_BYTES = 8 << 20
const NEWLINE = 0x0a

/** Splits the bytes of a stream or file, of either format, into lines and blocks for a reader. */
export class SnapshotInput {
  readonly #reader: SnapshotReader
  /** The beginning of a line whose end has not come yet. */
  #line: Buffer[] = []
  #lineBytes = 0
  #block: Uint8Array | undefined
  #blockBytes = 0

  constructor(reader: SnapshotReader) {
    this.#reader = reader
  }

  /**
   * Yields the result of each line and block that these bytes complete. The caller may pause between two results, and
   * must stop at the first that is refused.
   */
  *push(bytes: Buffer): Generator<Acceptance> {
    let at = 0
    while (at < bytes.length) {
      if (this.#block) {
        at += this.#fill(this.#block, bytes.subarray(at))
        if (this.#blockBytes === this.#block.length) yield this.#endBlock(this.#block)
        continue
      }
      const end = bytes.indexOf(NEWLINE, at)
      const piece = bytes.subarray(at, end < 0 ? bytes.length : end)
      this.#line.push(piece)
      this.#lineBytes += piece.length
      if (this.#lineBytes > MAX_LINE_BYTES) {
        yield { kind: 'refused', why: `a line is longer than ${MAX_LINE_BYTES} bytes` }
        return
      }
      at += piece.length + 1
      if (end >= 0) yield* this.#endLine()
    }
  }

  /** Yields the result of a last line without a newline, or a refusal if the bytes end within a block. */
  *end(): Generator<Acceptance> {
    if (this.#block) yield { kind: 'refused', why: 'it ends within a block' }
    else if (this.#lineBytes > 0) yield* this.#endLine()
  }

  *#endLine(): Generator<Acceptance> {
    const text = (this.#line.length === 1 ? (this.#line[0] as Buffer) : Buffer.concat(this.#line)).toString('utf8')
    this.#line = []
    this.#lineBytes = 0
    if (text.trim() === '') return
    const result = this.#reader.accept(text)
    if (result.kind === 'block') {
      this.#block = new Uint8Array(result.bytes)
      this.#blockBytes = 0
    }
    yield result
  }

  #fill(block: Uint8Array, bytes: Buffer): number {
    const taken = Math.min(bytes.length, block.length - this.#blockBytes)
    block.set(bytes.subarray(0, taken), this.#blockBytes)
    this.#blockBytes += taken
    return taken
  }

  #endBlock(block: Uint8Array): Acceptance {
    this.#block = undefined
    return this.#reader.acceptBlock(block)
  }
}
