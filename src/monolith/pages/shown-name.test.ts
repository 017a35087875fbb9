import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consentBody } from './consent.ts'
import { confirmDeviceBody } from './device.ts'
import { shownName } from './shown-name.ts'

for (const [what, name, shown] of [
  ['a plain name stays', 'Ärzte-Portal 北京 <b>', 'Ärzte-Portal 北京 <b>'],
  ['a family of emoji stays one', '👩‍👩‍👧', '👩‍👩‍👧'],
  ['a turn of direction goes', 'a\u202Egnp.exe\u202C\u2066b\u2069\u200F', 'a\uFFFDgnp.exe\uFFFD\uFFFDb\uFFFD\uFFFD'],
  ['control characters go', 'a\u0000\u0007\u001B[2J\u0085b', 'a\uFFFD\uFFFD\uFFFD[2J\uFFFDb'],
  ['it is one line', ' a\r\nb\u2028c\td ', 'a b c d'],
  ['nothing hides in it', 'pay\u200Bpal\u2060\uFEFF.com', 'pay\uFFFDpal\uFFFD .com'],
  ['it is not endless', '🂡'.repeat(500), `${'🂡'.repeat(120)}…`],
] as const) {
  test(`in a displayed name, ${what}`, () => assert.equal(shownName(name), shown))
}

test('the sign-in and consent pages display names and scopes as such', () => {
  const odd = 'user:\u202Ex'
  const form = { action: '/', fields: [] }
  const consent = consentBody({ clientName: odd, scopes: [odd], csrfToken: 't', approve: form, deny: form })
  const wish = { clientName: odd, scopes: [odd] }
  const device = confirmDeviceBody({ csrfToken: 't', action: '/', userCode: 'ABCD1234', wish })
  for (const page of [consent, device].map(String)) {
    assert.doesNotMatch(page, /\u202E/)
    assert.equal(page.split('user:\uFFFDx').length, 3)
  }
})
