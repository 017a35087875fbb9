import assert from 'node:assert/strict'
import { test } from 'node:test'
import { knownBrowsers } from './known-browser.ts'

const browsers = knownBrowsers(Buffer.alloc(32, 1))
const carried = (line: string | undefined) => line?.split(';', 1)[0]

test('a browser is known for the user who signed in there, and for no other user', () => {
  const cookie = carried(browsers.remember(undefined, 'alice', false))
  assert.match(browsers.markOf(`a=b; ${cookie}`, 'alice') ?? '', /^[\w-]{22}$/)
  assert.equal(browsers.markOf(cookie, 'bob'), undefined)
  assert.equal(browsers.markOf(undefined, 'alice'), undefined)
  assert.equal(knownBrowsers(Buffer.alloc(32, 2)).markOf(cookie, 'alice'), undefined)
})

test('a browser is known for the last four users', () => {
  let cookie: string | undefined
  for (const name of ['a', 'b', 'c', 'd', 'e']) cookie = carried(browsers.remember(cookie, name, false)) ?? cookie
  assert.equal(browsers.markOf(cookie, 'a'), undefined)
  for (const name of ['b', 'c', 'd', 'e']) assert.ok(browsers.markOf(cookie, name), name)
  assert.equal(browsers.remember(cookie, 'e', false), undefined)
})

test('the cookie is sent to the sign-in page alone, and hidden from scripts', () => {
  const line = browsers.remember(undefined, 'alice', true) ?? ''
  for (const attribute of ['path=/users/sign_in', 'HttpOnly', 'SameSite=Lax', 'Secure']) {
    assert.ok(line.split('; ').includes(attribute), attribute)
  }
  assert.doesNotMatch(line, /alice/)
})

test('a forged cookie is ignored', () => {
  for (const value of ['', 'x', 'alice.alice', `${'a'.repeat(22)}.${'b'.repeat(43)}`, '~~~~', 'a'.repeat(100_000)]) {
    assert.equal(browsers.markOf(`_monolith_known=${value}`, 'alice'), undefined)
  }
})
