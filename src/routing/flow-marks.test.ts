import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FLOW_MARK_SECONDS, flowCookie, flowOf, sideOfFlow } from './flow-marks.ts'

const key = randomBytes(32)
const NOW = 1_800_000_000
const flow = flowOf('app', 'https://client.example/back', 's1') as string

function marked(side: 'legacy' | 'iam', of = flow, before?: string): string {
  const { name, value } = flowCookie(side, of, key, NOW, before)
  return `${name}=${value}`
}

describe('a flow mark', () => {
  test('names the side that set it until it expires', () => {
    for (const side of ['legacy', 'iam'] as const) {
      assert.equal(sideOfFlow(`_session=x; ${marked(side)}; b=c`, flow, key, NOW), side)
      assert.equal(sideOfFlow(marked(side), flow, key, NOW + FLOW_MARK_SECONDS[side] - 1), side)
      assert.equal(sideOfFlow(marked(side), flow, key, NOW + FLOW_MARK_SECONDS[side]), undefined)
    }
  })

  test('of legacy outlasts a page that is left open for hours, one of IAM outlasts a rollback only briefly', () => {
    assert.equal(sideOfFlow(marked('legacy'), flow, key, NOW + 12 * 3_600), 'legacy')
    assert.equal(sideOfFlow(marked('iam'), flow, key, NOW + 3_600), undefined)
  })

  test('does not apply to another flow: another client, address or state', () => {
    for (const other of [
      flowOf('other', 'https://client.example/back', 's1'),
      flowOf('app', 'https://client.example/other', 's1'),
      flowOf('app', 'https://client.example/back', 's2'),
      flowOf('app', undefined, undefined),
    ]) {
      assert.equal(sideOfFlow(marked('legacy'), other as string, key, NOW), undefined)
    }
  })

  test('is invalid under another key', () => {
    assert.equal(sideOfFlow(marked('iam'), flow, randomBytes(32), NOW), undefined)
  })

  test('is invalidated by any change of any character', () => {
    const cookie = marked('legacy')
    for (let at = cookie.indexOf('=') + 1; at < cookie.length; at++) {
      for (const other of ['A', 'i', 'l', 'z', '9', '.', '~', '\u0000', 'ü']) {
        if (cookie[at] === other) continue
        assert.equal(sideOfFlow(cookie.slice(0, at) + other + cookie.slice(at + 1), flow, key, NOW), undefined)
      }
    }
  })

  test('cannot be forged, whatever the cookie', () => {
    const [name = ''] = marked('legacy').split('=')
    const look = fc
      .tuple(fc.constantFrom('l', 'i', ''), fc.base64String(), fc.base64String())
      .map(([letter, expiry, signature]) => `${name}=${letter}${expiry}.${signature}`)
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), look),
        (text) => sideOfFlow(text, flow, key, NOW) === undefined,
      ),
    )
  })

  test('is removed by the cookie that ends its flow', () => {
    const { name, value } = flowCookie(undefined, flow, key, NOW, marked('legacy'))
    assert.deepEqual([marked('legacy').startsWith(`${name}=`), value], [true, ''])
  })

  test("leaves the marks of other flows alone, and never exceeds its share of a browser's cookies", () => {
    const cookies = new Map<string, string>()
    const header = () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const flows = Array.from({ length: 400 }, (_, at) => flowOf('app', undefined, `state-${at}`) as string)
    for (const [at, one] of flows.entries()) {
      const { name, value } = flowCookie(at % 2 === 0 ? 'legacy' : 'iam', one, key, NOW, header())
      cookies.set(name, value)
      assert.equal(sideOfFlow(header(), one, key, NOW), at % 2 === 0 ? 'legacy' : 'iam')
      const before = flows[at - 1]
      if (before !== undefined) assert.equal(sideOfFlow(header(), before, key, NOW), at % 2 === 1 ? 'legacy' : 'iam')
    }
    assert.ok(cookies.size <= 8)
    assert.ok(header().length < 800)
  })
})

test('a request without a client belongs to no flow', () => {
  assert.equal(flowOf(undefined, 'https://client.example/back', 's'), undefined)
})
