import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brakeReach } from './brake-reach.ts'
import { readShortcut } from './shortcuts.ts'

describe('the reach of the brake', () => {
  test('counts the connected gateways that follow it', () => {
    assert.equal(brakeReach({ all: 3, acting: 1 }), 'on 1 of 3 gateways')
    assert.equal(brakeReach({ all: 1, acting: 1 }), 'on 1 of 1 gateway')
    assert.equal(brakeReach({ all: 0, acting: 0 }), 'but no gateway is connected to follow it')
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
