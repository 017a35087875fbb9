import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parsePercentage } from './percentage.ts'

test('plain decimals from 0 to 100 with at most three decimals are percentages', () => {
  const sound = {
    '0': 0,
    '0.0': 0,
    '0.001': 0.001,
    '1': 1,
    '12.5': 12.5,
    '33.333': 33.333,
    '99.999': 99.999,
    '100': 100,
    '100.000': 100,
  }
  for (const [text, value] of Object.entries(sound)) assert.equal(parsePercentage(text), value, text)
})

test('anything else is rejected, never rounded or corrected', () => {
  const faulty = [
    '5abc',
    'abc',
    '-1',
    '-0',
    '+1',
    '100.0001',
    '100.001',
    '101',
    '1000',
    '0.0001',
    'NaN',
    'Infinity',
    '1e1',
    '1E1',
    '0x10',
    '',
    ' ',
    ' 5',
    '5 ',
    '5\n',
    '.5',
    '5.',
    '05',
    '1,5',
    '1_0',
    '٥',
    '5%',
    '1.2.3',
    'true',
    'null',
  ]
  for (const text of faulty) assert.equal(parsePercentage(text), undefined, JSON.stringify(text))
})

test('every bucket boundary can be written and is read back exactly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), (thousandths) => {
      const percentage = thousandths / 1_000
      assert.equal(parsePercentage(String(percentage)), percentage)
    }),
  )
})
