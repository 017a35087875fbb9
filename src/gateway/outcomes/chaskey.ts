const ROUNDS = 12
const BLOCK = 16
const LEAST_BLOCKS = 16

/** A 128-bit block: four words, least significant first. */
type Block = readonly [number, number, number, number]

/**
 * Chaskey-12 (Mouha 2014; ISO/IEC 29192-6): a message authentication code with a key and a tag of 128 bits, built from
 * 32-bit additions, rotations and XORs. In JavaScript it hashes a token in a third of the time that a call to native
 * SHA-256 takes, because there is no call.
 */
export class Chaskey {
  /** The tag of the last text. */
  readonly tag = new Int32Array(4)
  #bytes = Buffer.alloc(0)
  #words = new Int32Array(0)
  readonly #key: Block
  readonly #whole: Block
  readonly #padded: Block

  /** @param key 16 bytes */
  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, BLOCK)
    this.#key = [view.getInt32(0, true), view.getInt32(4, true), view.getInt32(8, true), view.getInt32(12, true)]
    this.#whole = doubled(this.#key)
    this.#padded = doubled(this.#whole)
  }

  /** Computes the {@link tag} of a text; of each character, the lowest eight bits count. */
  hash(text: string): void {
    const { length } = text
    if (length >= this.#bytes.length) this.#makeRoom(length)
    const words = this.#words
    this.#bytes.write(text, 0, 'latin1')
    const last = Math.max(0, Math.ceil(length / BLOCK) - 1) * BLOCK
    if (length < last + BLOCK) {
      // One bit follows the end of the text, then zeros.
      this.#bytes[length] = 1
      this.#bytes.fill(0, length + 1, last + BLOCK)
    }
    let [v0, v1, v2, v3] = this.#key
    const [l0, l1, l2, l3] = length === last + BLOCK ? this.#whole : this.#padded
    for (let at = 0; at <= last; at += BLOCK) {
      v0 ^= words[at >> 2] as number
      v1 ^= words[(at >> 2) + 1] as number
      v2 ^= words[(at >> 2) + 2] as number
      v3 ^= words[(at >> 2) + 3] as number
      if (at === last) {
        v0 ^= l0
        v1 ^= l1
        v2 ^= l2
        v3 ^= l3
      }
      for (let round = 0; round < ROUNDS; round++) {
        v0 = (v0 + v1) | 0
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
        v0 = (v0 << 16) | (v0 >>> 16)
        v2 = (v2 + v3) | 0
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
        v0 = (v0 + v3) | 0
        v3 = ((v3 << 13) | (v3 >>> 19)) ^ v0
        v2 = (v2 + v1) | 0
        v1 = ((v1 << 7) | (v1 >>> 25)) ^ v2
        v2 = (v2 << 16) | (v2 >>> 16)
      }
    }
    const { tag } = this
    tag[0] = v0 ^ l0
    tag[1] = v1 ^ l1
    tag[2] = v2 ^ l2
    tag[3] = v3 ^ l3
  }

  #makeRoom(length: number): void {
    this.#words = new Int32Array((Math.ceil(length / BLOCK) + LEAST_BLOCKS) * (BLOCK / 4))
    this.#bytes = Buffer.from(this.#words.buffer)
  }
}

/** Multiplication by x in GF(2^128). */
function doubled([w0, w1, w2, w3]: Block): Block {
  return [(w0 << 1) ^ (w3 < 0 ? 0x87 : 0), (w1 << 1) | (w0 >>> 31), (w2 << 1) | (w1 >>> 31), (w3 << 1) | (w2 >>> 31)]
}
