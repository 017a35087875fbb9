import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brakeReach } from './brake-reach.ts'
import { readShortcut } from './shortcuts.ts'

describe('the reach of the brake', () => {
  const gateway = (connected: boolean, brake_on: boolean | null) => ({ connected, brake_on })

  test('counts the connected gateways that follow it', () => {
    const gateways = [gateway(true, true), gateway(true, false), gateway(true, null)]
    assert.equal(brakeReach(true, gateways), 'on 1 of 3 gateways')
    assert.equal(brakeReach(false, gateways), 'on 1 of 3 gateways')
    assert.equal(brakeReach(true, [gateway(true, true)]), 'on 1 of 1 gateway')
  })

  test('names the gateways that cannot be heard', () => {
    assert.equal(
      brakeReach(true, [gateway(true, true), gateway(false, null)]),
      'on 1 of 1 gateway; 1 more is not connected',
    )
    assert.equal(brakeReach(true, [gateway(false, true)]), 'but no gateway is connected to follow it')
  })
})

describe('a key press', () => {
  test('leads to a page after g, and means nothing else then', () => {
    assert.equal(readShortcut('g', false), 'begin')
    assert.deepEqual(readShortcut('a', true), { go: '/applications' })
    assert.equal(readShortcut('/', true), undefined)
    assert.equal(readShortcut('a', false), undefined)
  })

  test('focuses the search or shows the shortcuts', () => {
    assert.deepEqual([readShortcut('/', false), readShortcut('?', false)], ['search', 'help'])
  })
})
