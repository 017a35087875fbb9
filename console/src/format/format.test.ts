import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { counted, inDuration, inFigures, inPercent, inShort, keepUnits } from './numbers.ts'
import { begun, sentenceIn } from './sentences.ts'
import { offsetOf } from './server-clock.ts'
import { age, moment, momentInFull, timeOfDay } from './times.ts'

describe('text that is too long', () => {
  test('is cut to its length', () => {
    assert.deepEqual(
      [inShort('25 %'), inShort('a'.repeat(64), 8), inShort('12345678', 8)],
      ['25 %', 'aaaaaaa…', '12345678'],
    )
  })
})

describe('numbers', () => {
  test('have at most three significant digits, but counts below 10,000 are complete', () => {
    const shown = [0, 7, 1_204, 9_999, 10_000, 123_456, 999_499, 999_500, 1_236_000, 2.5e9, 63.234, 0.03123, 1_234.5]
    assert.deepEqual(
      shown.map((value) => inFigures(value)),
      ...[['0', '7', '1,204', '9,999', '10 k', '123 k', '999 k', '1 M', '1.24 M', '2.5 bn', '63.2', '0.0312', '1,235']],
    )
    assert.equal(inFigures(Number.NaN), 'unknown')
  })

  test('of a share never look like none or all when they are not', () => {
    const shares = [0, 0.0004, 0.002, 0.0312, 0.634, 0.9994, 1]
    assert.deepEqual(
      shares.map((share) => inPercent(share)),
      ...[['0 %', 'under 0.1 %', '0.2 %', '3.12 %', '63 %', 'over 99.9 %', '100 %']],
    )
  })

  test('of a duration have the unit that fits', () => {
    const durations = [0.84, 84, 1_234, 59_960, 2_280_000, 18_000_000, 259_200_000]
    assert.deepEqual(
      durations.map((ms) => inDuration(ms)),
      ...[['0.84 ms', '84 ms', '1.23 s', '1 min', '38 min', '5 h', '3 days']],
    )
  })

  test('stay with their unit on one line', () => {
    assert.equal(keepUnits('63 % of the traffic in 5 s, 3 items'), '63\u00a0% of the traffic in 5\u00a0s, 3 items')
  })

  test('agree with their noun', () => {
    assert.equal(counted(1, 'application'), '1 application')
    assert.equal(counted(12_400, 'application'), '12,400 applications')
    assert.equal(counted(2, 'reply', 'replies'), '2 replies')
  })
})

describe('times', () => {
  const now = new Date('2026-11-30T14:02:11Z')

  test('of today are short, and others have their date', () => {
    assert.equal(moment(new Date('2026-11-30T13:40:00Z'), now, 'UTC'), '13:40:00')
    assert.equal(moment(new Date('2026-11-28T13:40:00Z'), now, 'UTC'), 'Sat 28 Nov, 13:40')
    assert.equal(moment(new Date('2025-03-01T13:40:00Z'), now, 'UTC'), 'Sat 1 Mar 2025, 13:40')
  })

  test('follow the zone, and say it in full', () => {
    assert.equal(timeOfDay(now, 'Asia/Tokyo'), '23:02:11')
    assert.equal(momentInFull(now, 'UTC'), 'Mon 30 Nov 2026, 14:02:11 UTC')
  })

  test('say how long ago they were, and tolerate a clock that is slightly ahead', () => {
    const before = (ms: number) => age(new Date(now.getTime() - ms), now)
    assert.deepEqual(
      [0, -3_000, 12_400, 240_000, -720_000, 7_200_000].map(before),
      ...[['now', 'now', '12 s ago', '4 min ago', 'in 12 min', '2 h ago']],
    )
  })
})

describe("the server's clock", () => {
  const here = Date.parse('2026-11-30T14:02:11Z')

  test('counts as equal within five seconds, and is followed when this computer is an hour wrong', () => {
    assert.equal(offsetOf('Mon, 30 Nov 2026 14:02:08 GMT', here), 0)
    assert.equal(offsetOf('Mon, 30 Nov 2026 15:02:11 GMT', here), 3_600_000)
    assert.equal(offsetOf('Mon, 30 Nov 2026 13:02:11 GMT', here), -3_600_000)
  })

  test('is unknown without a readable header', () => {
    assert.deepEqual([offsetOf(null, here), offsetOf('yesterday', here)], [undefined, undefined])
  })
})

describe('words', () => {
  test('become a sentence, and the name of a side stays as it is', () => {
    assert.equal(sentenceIn('the brake is off'), 'The brake is off.')
    assert.equal(sentenceIn('iam holds it.'), 'iam holds it.')
    assert.equal(begun('iamb'), 'Iamb')
  })
})
