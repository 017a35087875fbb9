import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_BREAKER } from './breaker.ts'
import { OwnCircuits } from './own-circuits.ts'

const policy = DEFAULT_BREAKER
const fail = (circuits: OwnCircuits<number>, key: number, networks: readonly string[], now = 0) =>
  networks.map((network) => circuits.failed(key, network, now, 0.5)).at(-1)

test('the circuit of one key opens for its consecutive failures and leaves the others closed', () => {
  const circuits = new OwnCircuits<number>(policy, 1)
  assert.equal(fail(circuits, 1, ['a', 'a', 'a', 'a']), 'unchanged')
  assert.equal(fail(circuits, 1, ['a']), 'opened')
  assert.deepEqual([circuits.isOpen(1, 0), circuits.isOpen(2, 0)], [true, false])
  assert.deepEqual(circuits.openKeys(0), [1])
})

test('if failures from two networks are required, no number of failures from one network opens it', () => {
  const circuits = new OwnCircuits<number>(policy, 2)
  fail(circuits, 1, new Array(50).fill('a'))
  assert.equal(circuits.isOpen(1, 0), false)
  assert.equal(fail(circuits, 1, ['b']), 'opened')
})

test('it closes by itself when its period ends; the next failures, one from each network, open it for longer', () => {
  const circuits = new OwnCircuits<number>(policy, 2)
  fail(circuits, 1, ['a', 'a', 'a', 'a', 'b'])
  const later = policy.openMs
  assert.deepEqual([circuits.isOpen(1, later - 1), circuits.isOpen(1, later)], [true, false])
  fail(circuits, 1, ['a', 'a', 'a'], later)
  assert.equal(circuits.isOpen(1, later), false)
  fail(circuits, 1, ['b'], later)
  assert.deepEqual(
    [circuits.isOpen(1, later + 2 * policy.openMs - 1), circuits.isOpen(1, later + 2 * policy.openMs)],
    [true, false],
  )
})

test('failures while it is open prolong nothing, and a success resets it', () => {
  const circuits = new OwnCircuits<number>(policy, 1)
  fail(circuits, 1, new Array(500).fill('a'))
  assert.equal(circuits.isOpen(1, policy.openMs), false)
  assert.equal(circuits.succeeded(1), 'closed')
  assert.equal(circuits.isEmpty, true)
})

test('failures too far apart are not consecutive, and are forgotten', () => {
  const circuits = new OwnCircuits<number>(policy, 1)
  for (let i = 0; i < 50; i++) assert.equal(fail(circuits, 1, ['a'], i * policy.windowMs), 'unchanged')
  circuits.openKeys(100 * policy.windowMs)
  assert.equal(circuits.isEmpty, true)
})

test('a flood of keys does not make it grow without bound', () => {
  const circuits = new OwnCircuits<number>(policy, 1)
  for (let key = 0; key < 30_000; key++) fail(circuits, key, ['a', 'a', 'a', 'a', 'a'])
  assert.equal(circuits.openKeys(0).length, 10_000)
})
