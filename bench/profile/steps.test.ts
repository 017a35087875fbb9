import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CpuProfile, stepsOf } from './steps.ts'

const node = (id: number, functionName: string, url: string, children: readonly number[] = []) => {
  return { id, callFrame: { functionName, url }, children }
}
const PROFILE: CpuProfile = {
  nodes: [
    node(1, '(root)', '', [2, 3, 4, 9]),
    node(2, '(idle)', ''),
    node(3, '(garbage collector)', ''),
    node(4, 'onStreamRead', 'node:internal/stream_base_commons', [5, 6]),
    node(5, 'readFacts', 'file:///app/src/routing/read-facts.ts', [7]),
    node(6, 'write', 'file:///app/src/gateway/telemetry/decision-log.ts', [8]),
    node(7, 'toString', 'node:buffer'),
    node(8, 'decide', 'file:///app/src/routing/decide.ts'),
    node(9, '(program)', ''),
  ],
  samples: [2, 3, 4, 5, 7, 6, 8, 9],
  timeDeltas: [1_000, 1, 2, 4, 8, 16, 32, 64],
}

test('a profile is summed up by the steps of a request, and native code counts for the step that called it', () => {
  assert.deepEqual(Object.fromEntries(stepsOf(PROFILE)), {
    'garbage collection': 1,
    'event loop, and reading from sockets': 66,
    'match, and read the facts': 12,
    'record: log and metrics': 16,
    decide: 32,
  })
})

test('an empty profile has no steps', () => {
  assert.equal(stepsOf({ nodes: [], samples: [], timeDeltas: [] }).size, 0)
})
