import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readPooled } from './pooled-reading.ts'

const member = (applicationId: number, cohort: string, evidence: number) => {
  return { applicationId, cohort, evidence, outcomes: 10, failures: evidence > 1 ? 4 : 0 }
}

describe('the evidence of groups', () => {
  test('is the mean of the members, by cohort and for all', () => {
    const members = [member(1, 'web', 1), member(2, 'web', 39), member(3, 'machine', 2)]
    const readings = readPooled(members)
    assert.deepEqual(
      readings.map(({ guard, cohort, applications, evidence, verdict }) => [
        guard,
        cohort,
        applications,
        evidence,
        verdict,
      ]),
      [
        ['cohort', 'machine', 1, 2, 'not_enough_evidence'],
        ['cohort', 'web', 2, 20, 'not_enough_evidence'],
        ['global', undefined, 3, 14, 'not_enough_evidence'],
      ],
    )
    assert.deepEqual([readings[2]?.outcomes, readings[2]?.failures], [30, 8])
    assert.equal(
      readings[1]?.sentence,
      'The cohort web: not enough evidence, evidence 20 of 10,000 from 2 applications; none is suspected.',
    )
  })

  test('fails at 10,000, and names the suspects by e-BH, the strongest first', () => {
    const members = [member(1, 'web', 1), member(2, 'web', 30_000), member(3, 'web', 90_000)]
    const all = readPooled(members).at(-1)
    assert.deepEqual([all?.verdict, all?.suspects], ['fail', [3, 2]])
    assert.match(all?.sentence ?? '', /^All moved applications: failed, .* from 3 applications; suspected: 3, 2\.$/)
  })

  test('is silent while nothing is moved', () => {
    assert.deepEqual(readPooled([]), [])
  })
})
