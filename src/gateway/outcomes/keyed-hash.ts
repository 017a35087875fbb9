import { createHash, hash } from 'node:crypto'
import { Chaskey } from './chaskey.ts'

const MOST_NETWORKS = 10_000
/** 128 of SHA-256's 256 bits: too few to continue the hash without the key. */
const DIGITS = 32
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** Every pair of characters, for 12 bits at once. */
const PAIRS = new Uint16Array(
  Uint8Array.from({ length: 2 * 4_096 }, (_, at) => BASE64URL.charCodeAt(at % 2 === 0 ? at >> 7 : (at >> 1) & 63))
    .buffer,
)

/**
 * Replaces credentials and networks by keyed hashes, equal at all gateways that share the key. Without the key, no one
 * can tell whether a hash belongs to a credential.
 */
export class KeyedHash {
  readonly #salt: string
  readonly #tokens: Chaskey
  readonly #pairs = new Uint16Array(8)
  readonly #text = Buffer.from(this.#pairs.buffer)
  #networks = new Map<string, string>()

  constructor(key: Uint8Array) {
    this.#salt = `outcome ${Buffer.from(key).toString('base64')} `
    this.#tokens = new Chaskey(createHash('sha256').update(`tokens ${this.#salt}`).digest())
  }

  /** The hash of anything but a token. */
  of(text: string): string {
    return hash('sha256', this.#salt + text).slice(0, DIGITS)
  }

  /**
   * The hash of an access or refresh token: 96 bits as base64url. A third of the work of {@link of}, which counts
   * because tokens are in almost every request.
   */
  ofToken(token: string): string {
    this.#tokens.hash(token)
    const [low = 0, middle = 0, high = 0] = this.#tokens.tag
    const pairs = this.#pairs
    pairs[0] = PAIRS[low & 4_095] as number
    pairs[1] = PAIRS[(low >>> 12) & 4_095] as number
    pairs[2] = PAIRS[(low >>> 24) | ((middle & 15) << 8)] as number
    pairs[3] = PAIRS[(middle >>> 4) & 4_095] as number
    pairs[4] = PAIRS[(middle >>> 16) & 4_095] as number
    pairs[5] = PAIRS[(middle >>> 28) | ((high & 255) << 4)] as number
    pairs[6] = PAIRS[(high >>> 8) & 4_095] as number
    pairs[7] = PAIRS[high >>> 20] as number
    return this.#text.toString('latin1')
  }

  /** The hash of a network; the most recent ones are remembered. */
  ofNetwork(network: string): string {
    const known = this.#networks.get(network)
    if (known !== undefined) return known
    if (this.#networks.size >= MOST_NETWORKS) this.#networks = new Map()
    // A copy, because what is cut out of a longer string takes longer to write.
    const hashed = Buffer.from(this.of(`network ${network}`)).toString('latin1')
    this.#networks.set(network, hashed)
    return hashed
  }
}
