import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, loadSettings, parseLimit } from './index.ts'

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
  test(`${JSON.stringify(text)} is not a limit`, () => assert.equal(parseLimit(text), undefined))
}

test('invalid address ranges are configuration errors, and all of them are reported', () => {
  const args = ['--issuer', 'https://a.test', '--data-dir', 'x', '--trusted-proxy']
  for (const range of ['10.0.0.0/99', 'localhost', '10.0.0', '::1/129', '']) {
    assert.throws(() => loadSettings('iam', { args: [...args, range], env: {} }), ConfigError, range)
  }
  const settings = loadSettings('iam', { args: [...args, '10.0.0.0/8', '--trusted-proxy', '2001:db8::1'], env: {} })
  assert.ok(settings !== 'help')
  assert.deepEqual(settings.trusted_proxy, ['10.0.0.0/8', '2001:db8::1'])
})

test('an invalid limit is a configuration error', () => {
  const args = ['--issuer', 'https://a.test', '--data-dir', 'x', '--limit-client-failures']
  assert.throws(() => loadSettings('iam', { args: [...args, '20 a minute'], env: {} }), /COUNT\/PERIOD/)
  const settings = loadSettings('iam', { args: [...args, 'off'], env: {} })
  assert.ok(settings !== 'help' && settings.limit_client_failures === 'off')
})
