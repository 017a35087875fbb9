/**
 * A client_id as words of 32 bits, little-endian. Each client_id has exactly one key, and no two share one, so equal
 * keys mean equal client_ids. There are three forms: 64 lower-case hexadecimal digits (as Doorkeeper creates them) are
 * packed into 32 bytes; other ASCII text has one byte a character; all other text has two bytes a UTF-16 unit, which
 * keeps even unpaired surrogates apart.
 */
export const KEY_FORMS = { hex: 0, ascii: 1, utf16: 2 } as const

/** The longest client_id that has a key, in UTF-16 units. */
export const MAX_KEY_UNITS = 255
const MOST_UTF8_BYTES = MAX_KEY_UNITS * 3
const HEX_UNITS = 64
const HEX_WORDS = HEX_UNITS / 8
/** Form 0 and 64 units. */
const HEX_MARK = HEX_UNITS << 24

/**
 * A key's form and length, as they stand in the upper ten bits of a record's second word: two bits of form, eight bits
 * of length in UTF-16 units.
 */
export const MARK_SHIFT = 22
export const MARK_BITS = 0xffc0_0000

/** The number of words that a key with this mark has: an even number, because records are aligned to eight bytes. */
export function wordsOfKey(mark: number): number {
  const form = (mark >>> MARK_SHIFT) & 3
  const units = mark >>> 24
  if (form === KEY_FORMS.hex) return HEX_WORDS
  return form === KEY_FORMS.ascii ? ((units + 7) >>> 3) << 1 : ((units + 3) >>> 2) << 1
}

/** Composes keys. Holds one at a time: each call of {@link ClientKey.set} replaces it. */
export class ClientKey {
  /** The key; only the first `length` words belong to it. */
  readonly words = new Uint32Array(Math.ceil(MOST_UTF8_BYTES / 8) * 2)
  /** Of the key in words. */
  length = 0
  /** Form and length, in the upper ten bits. */
  mark = 0
  readonly #bytes = Buffer.from(this.words.buffer)
  readonly #text = new Uint32Array(this.words.length)
  readonly #textBytes = Buffer.from(this.#text.buffer)

  /** Composes the key of a client_id; false if it is empty or longer than {@link MAX_KEY_UNITS}. */
  set(clientId: string): boolean {
    const units = clientId.length
    if (units === 0 || units > MAX_KEY_UNITS) return false
    // As many bytes of UTF-8 as UTF-16 units: all of it is ASCII.
    const isAscii = this.#textBytes.write(clientId) === units
    if (isAscii && units === HEX_UNITS && this.#packHex()) return true
    const form = isAscii ? KEY_FORMS.ascii : KEY_FORMS.utf16
    this.mark = ((units << 24) | (form << MARK_SHIFT)) >>> 0
    this.length = wordsOfKey(this.mark)
    if (isAscii) this.words.set(this.#text.subarray(0, this.length))
    else this.#bytes.write(clientId, 'utf16le')
    this.#bytes.fill(0, isAscii ? units : units * 2, this.length * 4)
    return true
  }

  /** Takes a key over from a row; false unless it is the one key of its client_id. */
  load(words: Uint32Array, from: number, mark: number): boolean {
    if (mark === HEX_MARK) {
      for (let at = 0; at < HEX_WORDS; at++) this.words[at] = words[from + at] as number
      this.mark = mark
      this.length = HEX_WORDS
      return true
    }
    if (!this.set(ClientKey.read(words, from, mark)) || this.mark !== mark) return false
    for (let at = 0; at < this.length; at++) if (this.words[at] !== words[from + at]) return false
    return true
  }

  /** Reads a key from `words` back into the client_id. */
  static read(words: Uint32Array, from: number, mark: number): string {
    const form = (mark >>> MARK_SHIFT) & 3
    const units = mark >>> 24
    const bytes = form === KEY_FORMS.hex ? units / 2 : form === KEY_FORMS.ascii ? units : units * 2
    const encoding = form === KEY_FORMS.hex ? 'hex' : form === KEY_FORMS.ascii ? 'latin1' : 'utf16le'
    return Buffer.from(words.buffer, words.byteOffset + from * 4, bytes).toString(encoding)
  }

  #packHex(): boolean {
    for (let word = 0; word < HEX_WORDS; word++) {
      const low = packFourDigits(this.#text[word * 2] as number)
      const high = packFourDigits(this.#text[word * 2 + 1] as number)
      if ((low | high) < 0) return false
      this.words[word] = low | (high << 16)
    }
    this.mark = HEX_MARK
    this.length = HEX_WORDS
    return true
  }
}

/** Packs four ASCII digits, one a byte, into two bytes; -1 unless all of them are lower-case hexadecimal digits. */
function packFourDigits(text: number): number {
  const letters = (text >>> 6) & 0x0101_0101
  const values = (text & 0x0f0f_0f0f) + letters * 9
  const tenOrMore = ((values + 0x0606_0606) >>> 4) & 0x0101_0101
  const isHex = (values & 0xf0f0_f0f0) === 0 && tenOrMore === letters
  if (!isHex || ((values + 0x3030_3030 + letters * 0x27) ^ text) !== 0) return -1
  const pairs = ((values << 4) | (values >>> 8)) & 0x00ff_00ff
  return (pairs | (pairs >>> 8)) & 0xffff
}

/**
 * Hashes a key to 32 bits (MurmurHash3's mixing). The hash only selects where to look; whether a record is the one in
 * question is always decided by comparing whole keys.
 */
export function hashKey(seed: number, mark: number, words: Uint32Array, from: number): number {
  let hash = seed ^ mark
  const to = from + wordsOfKey(mark)
  for (let at = from; at < to; at++) {
    const mixed = Math.imul(words[at] as number, 0xcc9e_2d51)
    hash ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b87_3593)
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe654_6b64) | 0
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
