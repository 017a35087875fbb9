import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applicationInWords, shownName } from './index.ts'

test('a name loses terminal controls, direction marks and line ends', () => {
  assert.equal(shownName('\u001b[2JPay\nments\u0007'), '[2JPay ments')
  assert.equal(shownName('gpj\u202etxt.exe\u2066'), 'gpj txt.exe')
  assert.equal(shownName('a\u2028b\u009bc'), 'a b c')
  assert.equal(shownName('Größe 漢字 👩‍💻'), 'Größe 漢字 👩‍💻')
})

test('a long name is truncated to 40 characters, and never within one', () => {
  assert.equal(shownName('x'.repeat(40)), 'x'.repeat(40))
  assert.equal(shownName('x'.repeat(41)), `${'x'.repeat(39)}…`)
  assert.equal(shownName('😀'.repeat(255)), `${'😀'.repeat(39)}…`)
})

test('a name cannot pass for a second application, and a missing one is replaced by the client_id', () => {
  const client_id = 'abcdefghijklmnopqrst'
  assert.equal(applicationInWords({ id: 3, client_id, name: 'Pay", 4 "Shop' }), `3 "Pay', 4 'Shop"`)
  for (const name of [undefined, null, '', ' \n '])
    assert.equal(applicationInWords({ id: 3, client_id, name }), '3 (abcdefghijklmnop)')
})
