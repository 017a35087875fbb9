import { hash } from 'node:crypto'

const MOST_NETWORKS = 10_000
/** 128 of SHA-256's 256 bits: too few to continue the hash without the key. */
const DIGITS = 32

/**
 * Replaces credentials and networks by keyed hashes, equal at all gateways that share the key. Without the key, no one
 * can tell whether a hash belongs to a credential.
 */
export class KeyedHash {
  readonly #salt: string
  #networks = new Map<string, string>()

  constructor(key: Uint8Array) {
    this.#salt = `outcome ${Buffer.from(key).toString('base64')} `
  }

  /** The hash of a credential. */
  of(text: string): string {
    return hash('sha256', this.#salt + text).slice(0, DIGITS)
  }

  /** The hash of a network; the most recent ones are remembered. */
  ofNetwork(network: string): string {
    const known = this.#networks.get(network)
    if (known !== undefined) return known
    if (this.#networks.size >= MOST_NETWORKS) this.#networks = new Map()
    const hashed = this.of(`network ${network}`)
    this.#networks.set(network, hashed)
    return hashed
  }
}
