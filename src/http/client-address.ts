import { isIP } from 'node:net'
import type { HttpRequest } from './message.ts'
import { plainAddress, type TrustedProxies } from './trusted-proxies.ts'

/** The origin of a request, taking trusted proxies into account. */
export interface ClientAddress {
  /**
   * The network that counts as one caller: an IPv4 address, or the /64 of an IPv6 address, which is what providers
   * assign to one customer.
   */
  readonly network: string
  /** Whether the address is a trusted proxy, so that several callers may share it. */
  readonly isTrusted: boolean
}

/** Loopback, private and link-local addresses (RFC 1918, 4193, 3927, 4291), which Rails trusts as proxies, too. */
export const PRIVATE_NETWORKS = [
  '127.0.0.0/8',
  '::1/128',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
  '169.254.0.0/16',
  'fe80::/10',
] as const

const MOST_HOPS = 16
const REMEMBERED = 4_096
const LONGEST_REMEMBERED = 256

/**
 * Returns a function that reads the origin of requests: the peer of the connection, or behind trusted proxies the last
 * untrusted address in `X-Forwarded-For`. Each proxy appends the address it saw, so anything a caller writes there
 * itself is to the left of the caller's own address and never read.
 */
export function clientAddressReader(
  proxies: TrustedProxies,
): (request: Pick<HttpRequest, 'remoteAddress' | 'headers'>) => ClientAddress {
  const known = new Map<string, ClientAddress>()
  return ({ remoteAddress, headers }) => {
    const header = headers['x-forwarded-for']
    const chain = typeof header === 'string' ? header : ''
    const key = chain === '' ? remoteAddress : `${remoteAddress} ${chain}`
    const found = known.get(key)
    if (found) return found
    const read = readAddress(plainAddress(remoteAddress), chain, proxies)
    if (known.size >= REMEMBERED) known.clear()
    if (key.length <= LONGEST_REMEMBERED) known.set(key, read)
    return read
  }
}

function readAddress(peer: string, chain: string, proxies: TrustedProxies): ClientAddress {
  let address = peer
  let end = chain.length
  for (let hop = 0; hop < MOST_HOPS && end > 0 && proxies.has(address); hop++) {
    const comma = chain.lastIndexOf(',', end - 1)
    const before = addressIn(chain.slice(comma + 1, end).trim())
    if (before === undefined) break
    address = before
    end = comma
  }
  return { network: networkOf(address), isTrusted: proxies.has(address) }
}

/** Parses the address of one element, which some proxies write with a port. */
function addressIn(element: string): string | undefined {
  const bare =
    /^\[([^\]]+)\](?::\d+)?$/.exec(element)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(element)?.[1] ?? element
  const address = plainAddress(bare.toLowerCase())
  return isIP(address) === 0 ? undefined : address
}

/** Returns an IPv4 address itself, or `<first four groups>::/64` of an IPv6 address in a normalized spelling. */
export function networkOf(spelled: string): string {
  const address = plainAddress(spelled)
  if (isIP(address) !== 6) return address
  const [head = '', rest] = (address.split('%', 1)[0] ?? '').toLowerCase().split('::')
  const before = head === '' ? [] : head.split(':')
  const after = rest === undefined || rest === '' ? [] : rest.split(':')
  // A dotted quad at the end counts as two groups.
  const written = before.length + after.length + (address.includes('.') ? 1 : 0)
  const groups = rest === undefined ? before : [...before, ...Array(Math.max(0, 8 - written)).fill('0'), ...after]
  const first = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''))
  return `${first.join(':')}::/64`
}
