import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { GatewayDocument } from '../api/documents.ts'
import { judgeBrake, judgeCircuit, judgeVersion, reachInWords } from './gateway-conditions.ts'

const gateway = (changes: Partial<GatewayDocument> = {}): GatewayDocument => ({
  ...{ instance: 'i', name: 'gw-1', version: '1.0.0', commit: null, environment: 'production' },
  ...{ connected: true, connected_at: null, heard_at: '2026-11-30T14:00:00Z', snapshot_version: 8_112, behind_ms: 0 },
  ...{ iam_circuit_open: false, application_circuits_open: [], applications: null, brake_on: false },
  ...{ legacy: null, iam: null },
  ...changes,
})

describe('a gateway', () => {
  test('is current, behind, or of unknown state by the version it holds', () => {
    assert.deepEqual(judgeVersion(gateway()), { condition: 'well', words: 'version 8,112, current' })
    assert.deepEqual(judgeVersion(gateway({ behind_ms: 4_200 })), {
      condition: 'pending',
      words: 'version 8,112, behind for 4.2 s',
    })
    assert.equal(judgeVersion(gateway({ connected: false })).condition, 'unknown')
    assert.equal(judgeVersion(gateway({ snapshot_version: null })).condition, 'broken')
  })

  test('reports an open circuit of iam before those of applications', () => {
    assert.equal(judgeCircuit(gateway()).words, 'closed')
    assert.equal(judgeCircuit(gateway({ application_circuits_open: [4, 5] })).words, 'open for 2 applications')
    assert.equal(
      judgeCircuit(gateway({ iam_circuit_open: true, application_circuits_open: [4] })).words,
      'open: new flows go to rails',
    )
    assert.equal(judgeCircuit(gateway({ iam_circuit_open: null })).condition, 'unknown')
  })

  test('is broken where its brake differs from that of the environment', () => {
    assert.equal(judgeBrake(gateway(), false).condition, 'well')
    assert.equal(judgeBrake(gateway({ brake_on: true }), true).condition, 'set')
    assert.equal(judgeBrake(gateway({ brake_on: true }), false).words, 'on at this gateway only')
    assert.equal(judgeBrake(gateway(), true).condition, 'broken')
  })
})

describe('the reach of a change', () => {
  test('is one sentence over all gateways', () => {
    const words = (...gateways: GatewayDocument[]) => reachInWords(gateways, 9).words
    assert.equal(words(gateway()), 'The one connected gateway knows the present state, version 9.')
    assert.equal(words(gateway(), gateway()), 'All 2 connected gateways know the present state, version 9.')
    assert.equal(
      words(gateway(), gateway({ behind_ms: 10 }), gateway({ connected: false })),
      '1 of 2 connected gateways knows the present state, version 9. 1 more is not connected.',
    )
    assert.equal(words(gateway({ connected: false })), 'No gateway is connected; 1 was until recently.')
    assert.equal(words(), 'No gateway is connected.')
  })
})
