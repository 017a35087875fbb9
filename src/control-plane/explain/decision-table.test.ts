import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ClientStatus, decide, ENDPOINTS, type Facts, type RoutingContext } from '../../routing/index.ts'
import { decisionTable } from './decision-table.ts'

const facts: fc.Arbitrary<Facts> = fc.record({
  endpoint: fc.constantFrom(...ENDPOINTS),
  clientId: fc.constantFrom(undefined, 'client', 'x'.repeat(255), 'é'.repeat(128)),
  fault: fc.constantFrom(undefined, undefined, 'ambiguous_client', 'malformed_request'),
  credential: fc.constantFrom('none', 'none', 'none', 'iam', 'legacy', 'unknown'),
  hasGenuineVerifier: fc.boolean(),
  affinity: fc.constantFrom(undefined, undefined, 'iam', 'legacy'),
  startsFlow: fc.boolean(),
})
const status = fc.constantFrom<ClientStatus | 'unknown_client'>(
  'unknown_client',
  ...(['on', 'off', 'not_arrived'] as const).map((flag) => ({ applicationId: 7, flag })),
)
const context: fc.Arbitrary<RoutingContext> = fc
  .tuple(fc.boolean(), fc.boolean(), fc.boolean(), status)
  .map(([brake, iamAvailable, unknownClientsToIam, found]) => {
    return { hasIam: true, brake, iamAvailable, unknownClientsToIam, lookUp: () => found }
  })

test('the row that wins is the decision, the rows before it do not apply, and the others are not reached', () => {
  fc.assert(
    fc.property(facts, context, (given, frozen) => {
      const { destination, reason } = decide(given, frozen)
      const rows = decisionTable(given, frozen)
      const winner = rows.findIndex(({ outcome }) => outcome === 'wins')
      assert.deepEqual([rows[winner]?.destination, rows[winner]?.reason], [destination, reason])
      rows.forEach(({ outcome, because }, index) => {
        assert.equal(outcome, index < winner ? 'does_not_apply' : index === winner ? 'wins' : 'not_reached')
        assert.equal(because === '', index > winner)
      })
    }),
    { numRuns: 5_000 },
  )
})
