import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sideEffectsSchema } from './side-effect-fields.ts'

const faultsOf = (value: unknown) =>
  sideEffectsSchema.safeParse(value).error?.issues.map(({ message }) => message) ?? []

test('servers that receive tokens must use https or a loopback address', () => {
  for (const url of ['https://grafana.example', 'http://127.0.0.1:3000', 'http://localhost', 'http://[::1]:9/x']) {
    assert.deepEqual(faultsOf({ grafana: { url, token_file: '/t' } }), [], url)
  }
  for (const url of [
    'http://grafana.example',
    'http://127.0.0.1.example',
    'http://localhost.example',
    'ftp://x',
    'x',
  ]) {
    assert.notEqual(faultsOf({ events: { url } }).length, 0, url)
    assert.notEqual(faultsOf({ gitlab: { url, token_file: '/t' } }).length, 0, url)
  }
})

test('unknown keys are refused', () => {
  assert.equal(faultsOf({ grafanna: {} }).length, 1)
})
