import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { IssuerTable } from './issuer-table.ts'

const NOW = 1_800_000_000
const hashOf = (value: string | number) => createHash('sha256').update(String(value)).digest()

test('an entry is found until it expires, with its most recent side', () => {
  const table = new IssuerTable(64)
  assert.equal(table.get(hashOf('a'), NOW), undefined)
  table.set(hashOf('a'), 'iam', NOW + 10, NOW)
  table.set(hashOf('b'), 'legacy', NOW + 10, NOW)
  assert.equal(table.get(hashOf('a'), NOW), 'iam')
  assert.equal(table.get(hashOf('b'), NOW + 9), 'legacy')
  assert.equal(table.get(hashOf('b'), NOW + 10), undefined)
  table.set(hashOf('a'), 'legacy', NOW + 20, NOW)
  assert.deepEqual([table.get(hashOf('a'), NOW + 15), table.size, table.evictions], ['legacy', 2, 0])
})

test('its size is bounded; the entry that expires first is evicted first', () => {
  const table = new IssuerTable(1_024)
  for (let at = 0; at < 20_000; at++) table.set(hashOf(at), 'iam', NOW + 1_000 + at, NOW)
  assert.equal(table.size, 1_024)
  assert.equal(table.evictions, 20_000 - 1_024)
  const kept = Array.from({ length: 20_000 }, (_, at) => at).filter((at) => table.get(hashOf(at), NOW) === 'iam')
  assert.equal(kept.length, 1_024)
  assert.ok((kept[0] ?? 0) > 17_000, `the oldest that is left is ${kept[0]}`)
})

test('expired entries make room, and do not count as evictions', () => {
  const table = new IssuerTable(8)
  for (let at = 0; at < 8; at++) table.set(hashOf(at), 'iam', NOW + 1, NOW)
  for (let at = 8; at < 16; at++) table.set(hashOf(at), 'iam', NOW + 100, NOW + 2)
  assert.equal(table.evictions, 0)
  for (let at = 8; at < 16; at++) assert.equal(table.get(hashOf(at), NOW + 2), 'iam')
})

test('while there is room it agrees with a map, for any sequence of operations', () => {
  const step = fc.record({
    key: fc.nat(40),
    side: fc.constantFrom('legacy' as const, 'iam' as const),
    life: fc.nat(50),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new IssuerTable(65_536)
      const model = new Map<number, { side: string; until: number }>()
      let now = NOW
      for (const { key, side, life } of steps) {
        table.set(hashOf(key), side, now + life, now)
        model.set(key, { side, until: now + life })
        now += 3
        for (const [known, { side: wanted, until }] of model) {
          assert.equal(table.get(hashOf(known), now), until > now ? wanted : undefined)
        }
      }
    }),
    { numRuns: 50 },
  )
})
