import { BlockList, isIP } from 'node:net'

/** Distinguishes trusted proxies from all other addresses. */
export class TrustedProxies {
  readonly #list = new BlockList()

  /** @param ranges CIDRs or single addresses; throws a RangeError for anything else */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const slash = range.indexOf('/')
      const address = slash < 0 ? range : range.slice(0, slash)
      const version = isIP(address)
      const widest = version === 4 ? 32 : 128
      const prefix = slash < 0 ? widest : Number(range.slice(slash + 1) || 'x')
      if (version === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > widest) {
        throw new RangeError(`not an address range: ${range}`)
      }
      this.#list.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6')
    }
  }

  has(address: string): boolean {
    const version = isIP(address)
    return version !== 0 && this.#list.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}

/**
 * Normalizes an address: an IPv4 address that arrived over an IPv6 socket becomes an IPv4 address. Empty for undefined.
 */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') ? address.slice(7) : address
}
