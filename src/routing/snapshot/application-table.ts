import { ClientKey, hashKey, MARK_BITS, wordsOfKey } from './client-key.ts'
import { HANDLE_BITS, HEAD_WORDS, HIGH_ID_BITS, type RecordBlock, RecordStore, stateOf } from './record-store.ts'

/** A slot holds a handle and, below it, six bits of the hash, so that few wrong records are looked at. */
const TAG_BITS = 32 - HANDLE_BITS
const TAG_MASK = (1 << TAG_BITS) - 1
const TAG_SHIFT = 16
/** A slot whose record was removed: handle 0, which no record has, and any tag but 0. */
const TOMBSTONE = 1
/**
 * The upper bits of the hash select a segment, which is a hash table of its own. One that fills up is rebuilt alone, so
 * that no insertion takes long, however many applications there are.
 */
const SEGMENT_SHIFT = 22
const SEGMENTS = 1 << (32 - SEGMENT_SHIFT)
const LEAST_SLOTS = 8
const MOST_FILLED = 0.75
const FILLED_AFTER_REBUILD = 0.6
/** No announcement is trusted beyond this many applications. */
const MOST_EXPECTED = 1 << 24
const NO_SLOTS = new Uint32Array(1)

/** Why an application cannot be added. */
export const REFUSALS = {
  duplicate: 'two applications have one client_id',
  full: 'the applications need more than 512 MiB',
  cut: 'a row of a block is cut off',
  noId: 'an application in a block has no id',
  key: 'a client_id in a block is not written in its one form',
} as const

/**
 * Applications by client_id, exact: a record holds the whole client_id, and a lookup compares all of it. With
 * client_ids of 64 hexadecimal digits an application takes about 48 bytes: 8 of id and state, 32 of client_id, and 8
 * of index. No call takes time in proportion to the number of applications, except reading {@link blocks} to the end.
 */
export class ApplicationTable {
  readonly #key = new ClientKey()
  readonly #records = new RecordStore()
  /** Differs from process to process, so that places in the index cannot be foreseen. */
  readonly #seed = Math.floor(Math.random() * 2 ** 32)
  readonly #segments: Uint32Array[] = new Array(SEGMENTS).fill(NO_SLOTS)
  /** Used slots of each segment, tombstones included. */
  readonly #filled = new Uint32Array(SEGMENTS)
  #size = 0
  #firstSlots = LEAST_SLOTS

  /** Number of applications. */
  get size(): number {
    return this.#size
  }

  /** Prepares for this many applications, so that adding them rebuilds nothing. */
  expect(applications: number): void {
    const each = Math.min(applications, MOST_EXPECTED) / SEGMENTS
    this.#firstSlots = slotsFor(each + 4 * Math.sqrt(each), MOST_FILLED)
  }

  /** Finds an application; returns a handle for {@link id} and {@link isReady}, valid until it is removed, or 0. */
  find(clientId: string): number {
    if (!this.#key.set(clientId)) return 0
    const hash = this.#hash()
    const slots = this.#segments[hash >>> SEGMENT_SHIFT] as Uint32Array
    return (slots[this.#slot(slots, hash)] as number) >>> TAG_BITS
  }

  id(handle: number): number {
    return this.#records.id(handle)
  }

  /** Whether IAM holds the application. */
  isReady(handle: number): boolean {
    return this.#records.isReady(handle)
  }

  /**
   * Adds an application, or replaces the one of its client_id, which has 1 to 255 characters. Returns why it cannot, or
   * undefined.
   */
  put(clientId: string, id: number, isReady: boolean): string | undefined {
    if (!this.#key.set(clientId)) throw new RangeError('a client_id has 1 to 255 characters')
    const handle = this.#place()
    if (handle === 0) return REFUSALS.full
    this.#records.setState(handle, stateOf(id, isReady))
    return undefined
  }

  /** Adds the rows of a block as {@link blocks} returns them. Returns why it cannot, or their number; some may be in. */
  addBlock(words: Uint32Array): string | number {
    let rows = 0
    for (let at = 0; at < words.length; rows++) {
      const [low, high] = [words[at] as number, words[at + 1] as number]
      const mark = (high & MARK_BITS) >>> 0
      const next = at + HEAD_WORDS + wordsOfKey(mark)
      if (next > words.length) return REFUSALS.cut
      if (low === 0 && (high & HIGH_ID_BITS) === 0) return REFUSALS.noId
      if (!this.#key.load(words, at + HEAD_WORDS, mark)) return REFUSALS.key
      const handle = this.#place()
      if (handle === 0) return REFUSALS.full
      if (this.#records.id(handle) !== 0) return REFUSALS.duplicate
      this.#records.setState(handle, { low, high })
      at = next
    }
    return rows
  }

  /** Removes the application of a client_id, if there is one. */
  remove(clientId: string): void {
    if (!this.#key.set(clientId)) return
    const hash = this.#hash()
    const slots = this.#segments[hash >>> SEGMENT_SHIFT] as Uint32Array
    const at = this.#slot(slots, hash)
    const handle = (slots[at] as number) >>> TAG_BITS
    if (handle === 0) return
    slots[at] = TOMBSTONE
    this.#records.remove(handle)
    this.#size -= 1
  }

  /** All applications at this moment, in blocks of at most 64 KiB; later changes do not appear in them. */
  blocks(): Iterable<RecordBlock> {
    return this.#records.view()
  }

  #hash(): number {
    return hashKey(this.#seed, this.#key.mark, this.#key.words, 0)
  }

  /** The slot of the record with the current key; if there is none, the empty slot at which the search ends. */
  #slot(slots: Uint32Array, hash: number): number {
    const mask = slots.length - 1
    const tag = (hash >>> TAG_SHIFT) & TAG_MASK
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const slot = slots[at] as number
      if (slot === 0) return at
      const handle = slot >>> TAG_BITS
      const mayBe = (slot & TAG_MASK) === tag && handle !== 0
      if (mayBe && this.#records.hasKey(handle, this.#key.mark, this.#key.words)) return at
    }
  }

  /** The record with the current key, added without an id if there is none; 0 if no more fit. */
  #place(): number {
    const hash = this.#hash()
    const segment = hash >>> SEGMENT_SHIFT
    let slots = this.#segments[segment] as Uint32Array
    let at = this.#slot(slots, hash)
    const found = (slots[at] as number) >>> TAG_BITS
    if (found !== 0) return found
    const handle = this.#records.add(this.#key.mark, this.#key.words)
    if (handle === 0) return 0
    if ((this.#filled[segment] as number) + 1 > slots.length * MOST_FILLED) {
      slots = this.#rebuild(segment)
      at = this.#slot(slots, hash)
    }
    slots[at] = (handle << TAG_BITS) | ((hash >>> TAG_SHIFT) & TAG_MASK)
    this.#filled[segment] = (this.#filled[segment] as number) + 1
    this.#size += 1
    return handle
  }

  /** Rebuilds a segment without its tombstones, with room for more. */
  #rebuild(segment: number): Uint32Array {
    const handles: number[] = []
    for (const slot of this.#segments[segment] as Uint32Array) if (slot >>> TAG_BITS !== 0) handles.push(slot)
    const slots = new Uint32Array(Math.max(this.#firstSlots, slotsFor(handles.length + 1, FILLED_AFTER_REBUILD)))
    for (const slot of handles) {
      const mask = slots.length - 1
      let at = this.#records.hash(slot >>> TAG_BITS, this.#seed) & mask
      while (slots[at] !== 0) at = (at + 1) & mask
      slots[at] = slot
    }
    this.#segments[segment] = slots
    this.#filled[segment] = handles.length
    return slots
  }
}

/** The least power of two of slots of which `count` fill at most this share. */
function slotsFor(count: number, share: number): number {
  let slots = LEAST_SLOTS
  while (count > slots * share) slots *= 2
  return slots
}
