import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CREDENTIAL_TYPES, OBSERVED_REQUESTS, type Observation, TROUBLES } from '../observation.ts'
import { testObservation } from '../testing.ts'
import { OUTCOME_SIDES } from '../vocabulary.ts'
import { writeObservation } from './observation-lines.ts'
import { ObservationReader, readObservation } from './observation-reader.ts'

const hash = fc.stringMatching(/^[0-9a-f]{32}$/)
const optionalHash = fc.option(hash, { nil: undefined })
const number32 = fc.integer({ min: 0, max: 0xffff_ffff })
const observation: fc.Arbitrary<Observation> = fc.record({
  applicationId: fc.integer({ min: 1, max: 2 ** 40 }),
  request: fc.constantFrom(...OBSERVED_REQUESTS),
  side: fc.constantFrom(...OUTCOME_SIDES),
  at: fc.integer({ min: 1, max: 4e12 }),
  durationMs: fc.integer({ min: 0, max: 86_400_000 }),
  status: fc.oneof(fc.constant(0), fc.integer({ min: 100, max: 599 })),
  error: fc.option(fc.constantFrom('invalid_grant', 'other'), { nil: undefined }),
  trouble: fc.option(fc.constantFrom(...TROUBLES), { nil: undefined }),
  isGranted: fc.boolean(),
  isDiverted: fc.boolean(),
  presented: optionalHash,
  flow: optionalHash,
  caller: hash,
  asked: fc.record({ scope: number32, redirectUri: number32, form: number32 }),
  issued: fc.array(fc.record({ type: fc.constantFrom(...CREDENTIAL_TYPES), hash, lifetime: fc.nat(315_360_000) }), {
    maxLength: 4,
  }),
  shape: optionalHash,
  requestId: fc.uuid(),
})

describe('observations as lines', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(observation, (seen) =>
        assert.deepEqual(readObservation(writeObservation(seen)), structuredClone(seen)),
      ),
    )
  })

  test('are refused when any of their fields is forged, missing, repeated or too long', () => {
    const fields = writeObservation(testObservation({ caller: 'ca'.repeat(16) })).split(' ')
    const forged = ['x y', '', '-1', 'NaN', '<script>', "'; drop table", 'a'.repeat(300), '\n']
    for (let at = 0; at < fields.length; at++) {
      // A request id may be any short word.
      for (const text of at === 16 ? ['', 'x y', '<b>', 'a'.repeat(300)] : forged) {
        assert.equal(readObservation(fields.with(at, text).join(' ')), undefined, `${at} ${text}`)
      }
      assert.equal(readObservation(fields.toSpliced(at, 1).join(' ')), undefined)
    }
    assert.equal(readObservation([...fields, '-'].join(' ')), undefined)
    assert.notEqual(readObservation(fields.join(' ')), undefined)
  })

  test('never throw, for any text', () => {
    fc.assert(fc.property(fc.string({ maxLength: 2_000, unit: 'binary' }), (text) => void readObservation(text)))
  })

  test('of one batch are read from any line on, sound and unsound ones, each for itself', () => {
    const line = (at: number) => writeObservation(testObservation({ at, caller: 'ca'.repeat(16) }))
    const lines = [line(1), 'no observation', line(3), '', `${line(5)} `, 'ö', line(7)]
    const read = (from: number) => {
      const times: Array<number | undefined> = []
      new ObservationReader().read(lines.join('\n'), from, (seen) => times.push(seen?.at))
      return times
    }
    const all = [1, undefined, 3, undefined, undefined, undefined, 7]
    for (let from = 0; from <= lines.length; from++) assert.deepEqual(read(from), all.slice(from))
  })
})
