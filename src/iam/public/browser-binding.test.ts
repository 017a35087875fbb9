import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browserMarks, dropMark, newBrowserMark, setMark, surplusMarks, youngestMark } from './browser-binding.ts'

const NOW = 1_800_000_000_000
const DAY = 86_400

test('a mark can be read back from its cookie, among others', () => {
  const mark = newBrowserMark(NOW)
  const [pair] = setMark(mark, DAY, false).split(';')
  const [read, ...more] = browserMarks(`_session=x; ${pair}; theme=dark`)
  assert.deepEqual(read, mark)
  assert.equal(more.length, 0)
})

test('a cookie that is not a mark is ignored', () => {
  for (const header of [undefined, '', ';;', '_iam_flow_x=1', `_iam_flow_${'a'.repeat(16)}=x.y`, '_iam_flow_=', 'a']) {
    assert.deepEqual(browserMarks(header), [])
  }
})

test('marks are Secure only behind https, and removed with the same attributes', () => {
  const mark = newBrowserMark(NOW)
  assert.match(setMark(mark, DAY, true), /; HttpOnly; SameSite=Lax; Secure$/)
  assert.match(setMark(mark, DAY, false), /; HttpOnly; SameSite=Lax$/)
  assert.equal(dropMark(mark, true), `${mark.name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure`)
})

test('the oldest marks are dropped, so that a browser never holds more than forty', () => {
  const held = Array.from({ length: 43 }, (_, index) => newBrowserMark(NOW + index))
  assert.deepEqual(surplusMarks(held), [held[2], held[1], held[0]])
  assert.deepEqual(surplusMarks(held.slice(0, 40)), [])
  assert.equal(youngestMark(held), held[42])
  assert.equal(youngestMark([]), undefined)
})

test('among marks created in the same millisecond, those set first are dropped', () => {
  const held = Array.from({ length: 42 }, () => newBrowserMark(NOW))
  assert.deepEqual(surplusMarks(held), [held[1], held[0]])
})
