import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { networkOf } from './client-address.ts'
import { clientAddressReader, type HttpRequest, PRIVATE_NETWORKS, TrustedProxies } from './index.ts'

const reader = clientAddressReader(new TrustedProxies(PRIVATE_NETWORKS))

function from(remoteAddress: string, chain?: string): HttpRequest {
  const headers = chain === undefined ? {} : { 'x-forwarded-for': chain }
  return { method: 'GET', path: '/', query: '', headers, body: Buffer.alloc(0), remoteAddress, origin: '' }
}

describe('the address of a client', () => {
  for (const [what, peer, chain, network, isTrusted] of [
    ['a caller without proxies is the other end', '203.0.113.9', undefined, '203.0.113.9', false],
    ['a caller without proxies is believed nothing', '203.0.113.9', '198.51.100.1', '203.0.113.9', false],
    ['behind a gateway it is what the gateway saw', '10.0.0.5', '203.0.113.9', '203.0.113.9', false],
    ['what the caller wrote itself is not reached', '10.0.0.5', '1.1.1.1, 203.0.113.9', '203.0.113.9', false],
    ['nor behind two proxies', '::ffff:10.0.0.5', '10.9.9.9, 203.0.113.9, 10.0.0.7', '203.0.113.9', false],
    ['a caller of the own network is itself', '10.0.0.5', '10.1.2.3', '10.1.2.3', true],
    ['a proxy that says nothing is all there is', '10.0.0.5', undefined, '10.0.0.5', true],
    ['an element that is no address ends the search', '10.0.0.5', '203.0.113.9, unknown, 10.0.0.7', '10.0.0.7', true],
    ['a port is ignored', '10.0.0.5', '203.0.113.9:4711', '203.0.113.9', false],
    ['also behind an IPv6 address', '::1', '[2001:db8:1:2::9]:4711', '2001:db8:1:2::/64', false],
    ['an IPv6 caller is its /64', '2001:db8::1', undefined, '2001:db8:0:0::/64', false],
    ['however it is spelled', '2001:0DB8:0000::0:0:0:7', undefined, '2001:db8:0:0::/64', false],
    ['a mapped address is IPv4', '10.0.0.5', '::ffff:203.0.113.9', '203.0.113.9', false],
  ] as const) {
    test(what, () => assert.deepEqual(reader(from(peer, chain)), { network, isTrusted }))
  }

  test('does not change with what a client prepends to X-Forwarded-For', () => {
    const proxies = new TrustedProxies(PRIVATE_NETWORKS)
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (forged) => {
        const { network } = clientAddressReader(proxies)(from('10.0.0.5', `${forged}, 203.0.113.9`))
        assert.equal(network, '203.0.113.9')
      }),
    )
  })

  test('is the IPv4 address itself, also if it arrived over an IPv6 socket', () => {
    assert.deepEqual(['192.0.2.1', '::ffff:192.0.2.1'].map(networkOf), ['192.0.2.1', '192.0.2.1'])
  })

  test('is one network for all addresses of a /64, and another for the next', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((number) => number.toString(16))
    const groups = (count: number) => fc.array(group, { minLength: count, maxLength: count })
    fc.assert(
      fc.property(groups(4), groups(4), groups(4), (prefix, one, other) => {
        const network = networkOf([...prefix, ...one].join(':'))
        assert.equal(network, networkOf([...prefix, ...other].join(':')))
        const next = [...prefix.slice(0, 3), ((Number.parseInt(prefix[3] ?? '0', 16) + 1) % 0x10000).toString(16)]
        assert.notEqual(network, networkOf([...next, ...one].join(':')))
      }),
    )
  })
})
