import { ClientKey, hashKey, MARK_BITS, wordsOfKey } from './client-key.ts'
import type { ApplicationRow } from './lines.ts'

/** Words before a key: the id's low 32 bits; then its high 21 bits, readiness, and the key's mark. */
export const HEAD_WORDS = 2
/** Bits of a record's second word that continue the id; with them it has 53. */
export const HIGH_ID_BITS = 0x1f_ffff
const READY_BIT = 0x20_0000
const STATE_BITS = HIGH_ID_BITS | READY_BIT
const WORD = 2 ** 32

/** Records lie in chunks of 64 KiB; a handle counts units of 8 bytes, and no record begins at unit 0. */
const CHUNK_SHIFT = 13
const CHUNK_UNITS = 1 << CHUNK_SHIFT
const CHUNK_WORDS = CHUNK_UNITS * 2
const FIRST_UNIT = 1
/** Bits of a handle: 512 MiB of records. */
export const HANDLE_BITS = 26

/** The two words before a key, without the key's mark: id and readiness. */
export interface RecordState {
  readonly low: number
  readonly high: number
}

/** Lays out an id, a positive safe integer, and whether IAM holds the application. */
export function stateOf(id: number, isReady: boolean): RecordState {
  return { low: id % WORD, high: Math.floor(id / WORD) | (isReady ? READY_BIT : 0) }
}

/** Records as they stand in memory, without gaps, and how many they are. The words must not be changed. */
export interface RecordBlock {
  readonly rows: number
  readonly words: Uint32Array
}

/**
 * Records of applications in large pieces of memory: id, whether IAM holds it, and the key of its client_id. Knows no
 * order and no index; a handle names a record until it is removed.
 */
export class RecordStore {
  readonly #chunks: Uint32Array[] = []
  /** Chunks that a view shares; they are copied before they change. */
  #shared = new Set<number>()
  /** The handles of removed records, by their number of words. */
  readonly #free = new Map<number, number[]>()
  #end = FIRST_UNIT

  /** Adds a record that has no id yet; returns its handle, or 0 if no more fit. */
  add(mark: number, key: Uint32Array): number {
    const length = wordsOfKey(mark)
    const handle = this.#free.get(length)?.pop() ?? this.#append(length + HEAD_WORDS)
    if (handle === 0) return 0
    const words = this.#writable(handle)
    const at = wordOf(handle)
    words[at] = 0
    words[at + 1] = mark
    for (let word = 0; word < length; word++) words[at + HEAD_WORDS + word] = key[word] as number
    return handle
  }

  setState(handle: number, { low, high }: RecordState): void {
    const words = this.#writable(handle)
    const at = wordOf(handle)
    words[at] = low
    words[at + 1] = ((words[at + 1] as number) & MARK_BITS) | (high & STATE_BITS)
  }

  remove(handle: number): void {
    this.setState(handle, { low: 0, high: 0 })
    const length = wordsOfKey((this.#chunk(handle)[wordOf(handle) + 1] as number) & MARK_BITS)
    const free = this.#free.get(length)
    if (free) free.push(handle)
    else this.#free.set(length, [handle])
  }

  /** The id of a record; 0 if it has none. */
  id(handle: number): number {
    const words = this.#chunk(handle)
    const at = wordOf(handle)
    return (words[at] as number) + ((words[at + 1] as number) & HIGH_ID_BITS) * WORD
  }

  isReady(handle: number): boolean {
    return ((this.#chunk(handle)[wordOf(handle) + 1] as number) & READY_BIT) !== 0
  }

  /** Whether a record has this key: its mark and every word of it. */
  hasKey(handle: number, mark: number, key: Uint32Array): boolean {
    const words = this.#chunk(handle)
    const at = wordOf(handle) + 1
    if (((words[at] as number) & MARK_BITS) >>> 0 !== mark) return false
    const length = wordsOfKey(mark)
    for (let word = 0; word < length; word++) if (words[at + 1 + word] !== key[word]) return false
    return true
  }

  hash(handle: number, seed: number): number {
    const words = this.#chunk(handle)
    const at = wordOf(handle)
    return hashKey(seed, ((words[at + 1] as number) & MARK_BITS) >>> 0, words, at + HEAD_WORDS)
  }

  /** All records at this moment, in blocks; later changes do not appear in them. */
  view(): Iterable<RecordBlock> {
    for (let chunk = 0; chunk < this.#chunks.length; chunk++) this.#shared.add(chunk)
    return { [Symbol.iterator]: blocksOf.bind(undefined, [...this.#chunks], this.#end * 2) }
  }

  #append(length: number): number {
    const units = length / 2
    const left = CHUNK_UNITS - (this.#end & (CHUNK_UNITS - 1))
    let handle = units > left ? this.#end + left : this.#end
    const chunk = handle >>> CHUNK_SHIFT
    if (handle + units > 1 << HANDLE_BITS) handle = 0
    else if (chunk === this.#chunks.length) this.#chunks.push(new Uint32Array(CHUNK_WORDS))
    if (handle !== 0) this.#end = handle + units
    return handle
  }

  #chunk(handle: number): Uint32Array {
    return this.#chunks[handle >>> CHUNK_SHIFT] as Uint32Array
  }

  #writable(handle: number): Uint32Array {
    const number = handle >>> CHUNK_SHIFT
    const chunk = this.#chunks[number] as Uint32Array
    if (!this.#shared.delete(number)) return chunk
    const copy = chunk.slice()
    this.#chunks[number] = copy
    return copy
  }
}

function wordOf(handle: number): number {
  return (handle & (CHUNK_UNITS - 1)) * 2
}

function* blocksOf(chunks: readonly Uint32Array[], end: number): Generator<RecordBlock> {
  for (const [number, chunk] of chunks.entries()) {
    const from = number === 0 ? FIRST_UNIT * 2 : 0
    const block = withoutGaps(chunk.subarray(from, Math.min(CHUNK_WORDS, end - number * CHUNK_WORDS)))
    if (block.rows > 0) yield block
  }
}

/** The records in a piece of a chunk, without those that were removed and without the unused rest. */
function withoutGaps(words: Uint32Array): RecordBlock {
  let rows = 0
  let kept = 0
  let gapless: Uint32Array | undefined
  let at = 0
  while (at < words.length && words[at + 1] !== 0) {
    const next = at + HEAD_WORDS + wordsOfKey((words[at + 1] as number) & MARK_BITS)
    const hasId = words[at] !== 0 || ((words[at + 1] as number) & HIGH_ID_BITS) !== 0
    if (hasId) {
      gapless?.set(words.subarray(at, next), kept)
      kept += next - at
      rows += 1
    } else gapless ??= words.slice()
    at = next
  }
  return { rows, words: (gapless ?? words).subarray(0, kept) }
}

/** Reads the records of a block back into rows. */
export function rowsOf({ words }: RecordBlock): ApplicationRow[] {
  const rows: ApplicationRow[] = []
  for (let at = 0; at < words.length; ) {
    const [low, high] = [words[at] as number, words[at + 1] as number]
    const mark = (high & MARK_BITS) >>> 0
    const id = low + (high & HIGH_ID_BITS) * WORD
    rows.push([id, ClientKey.read(words, at + HEAD_WORDS, mark), (high & READY_BIT) === 0 ? 0 : 1])
    at += HEAD_WORDS + wordsOfKey(mark)
  }
  return rows
}
