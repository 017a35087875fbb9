import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browserMarks, dropMark, newBrowserMark, setMark, surplusMarks } from './browser-binding.ts'

const NOW = 1_800_000_000

test('a mark is read back from the cookie it was set by, among others', () => {
  const mark = newBrowserMark(NOW)
  const [pair] = setMark(mark, false).split(';')
  const [read, ...more] = browserMarks(`_session=x; ${pair}; theme=dark`)
  assert.deepEqual(read, mark)
  assert.equal(more.length, 0)
})

test('what is not a mark is passed over', () => {
  for (const header of [undefined, '', ';;', '_iam_flow_x=1', `_iam_flow_${'a'.repeat(16)}=x.y`, '_iam_flow_=', 'a']) {
    assert.deepEqual(browserMarks(header), [])
  }
})

test('marks are Secure behind https only, and dropped by the same attributes', () => {
  const mark = newBrowserMark(NOW)
  assert.match(setMark(mark, true), /; HttpOnly; SameSite=Lax; Secure$/)
  assert.match(setMark(mark, false), /; HttpOnly; SameSite=Lax$/)
  assert.equal(dropMark(mark, true), `${mark.name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure`)
})

test('the oldest marks make room, so that a browser never holds more than twelve', () => {
  const held = Array.from({ length: 14 }, (_, index) => newBrowserMark(NOW + index))
  assert.deepEqual(surplusMarks(held), [held[2], held[1], held[0]])
  assert.deepEqual(surplusMarks(held.slice(0, 11)), [])
})
