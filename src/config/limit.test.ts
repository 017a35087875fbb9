import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLimit } from './index.ts'

for (const [text, count, seconds] of [
  ['20/10m', 20, 600],
  ['1/s', 1, 1],
  ['6000/1m', 6_000, 60],
  ['100/1h', 100, 3_600],
  ['9999999/24h', 9_999_999, 86_400],
] as const) {
  test(`the limit ${text} is read`, () => assert.deepEqual(parseLimit(text), { count, seconds }))
}

for (const text of [
  '',
  'off',
  '0/1m',
  '20',
  '20/',
  '20/0m',
  '20/25h',
  '20/10d',
  '-1/1m',
  '1.5/1m',
  '20/10m ',
  ' 20/1m',
]) {
  test(`${JSON.stringify(text)} is no limit`, () => assert.equal(parseLimit(text), undefined))
}
