import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { differencesFor } from './deliberate-differences.ts'
import { judge } from './judge.ts'
import { resolvePinned } from './pinned-answer.ts'
import { comparedSteps, type RecordedResponse, type RecordedScenario, readRecording } from './recording.ts'

const recording = readRecording('5.9')
const circumstances = { version: '5.9', handsOff: false } as const

function recorded(id: string): RecordedScenario {
  const found = recording.get(id)
  assert.ok(found)
  return found
}

/**
 * The answers that a server has to give: the recording with the answers of the list. `change` breaks one step's answer.
 */
function answered(id: string, spoil?: readonly [step: number, change: Partial<RecordedResponse>]): RecordedScenario {
  const listed = differencesFor(circumstances).filter((one) => one.id === id)
  const steps = comparedSteps(recorded(id)).map((step, index) => {
    const instead = listed.find((one) => one.step === index + 1)
    const response = instead ? resolvePinned(instead.answer, recording) : step.response
    return { ...step, response: spoil?.[0] === index + 1 ? { ...response, ...spoil[1] } : response }
  })
  return { ...recorded(id), steps }
}

describe('the judge', () => {
  test('accepts an answer that equals the recording', () => {
    assert.deepEqual(judge(recording, answered('H001'), circumstances), { faults: [], steps: 6, deliberate: 0 })
  })

  test('reports the step and the request of a difference', () => {
    const { faults } = judge(recording, answered('H001', [4, { status: 500 }]), circumstances)
    assert.deepEqual(faults, ['step 4 POST /oauth/token (old refresh token again): status: 400, now 500'])
  })

  test('accepts the answer of the list', () => {
    const verdict = judge(recording, answered('I025'), circumstances)
    assert.deepEqual([verdict.faults, verdict.deliberate], [[], 1])
  })

  test('rejects Doorkeeper’s own answer at a step of the list', () => {
    assert.notDeepEqual(judge(recording, recorded('I025'), circumstances).faults, [])
  })

  for (const { id, step } of differencesFor(circumstances)) {
    test(`rejects any other answer at ${id} step ${step} of the list`, () => {
      const status = judge(recording, answered(id, [step, { status: 599 }]), circumstances).faults
      assert.equal(status.length, 1)
      const body = judge(recording, answered(id, [step, { json: { error: 'another_error' } }]), circumstances).faults
      assert.notDeepEqual(body, [])
    })
  }

  test('rejects differences at the other steps of a scenario on the list', () => {
    const { faults } = judge(recording, answered('I025', [1, { status: 403 }]), circumstances)
    assert.equal(faults.length, 1)
  })

  test('applies an entry for one version to no other', () => {
    const newer = judge(recording, answered('E014'), circumstances).faults
    const older = judge(readRecording('5.5'), answered('E014'), { version: '5.5', handsOff: false }).faults
    assert.deepEqual([newer.length > 0, older.length > 0], [false, true])
  })

  test('rejects a scenario that was cut short or was not recorded', () => {
    for (const cut of [{ skipped: 'no /__lab/advance' }, { failed: 'Error' }]) {
      const { faults, steps } = judge(recording, { ...recorded('H001'), ...cut }, circumstances)
      assert.deepEqual([faults.length, steps], [1, 0])
    }
    assert.deepEqual(judge(recording, { ...recorded('H001'), id: 'X999' }, circumstances).faults, ['not recorded'])
  })

  test('ignores the steps of a race', () => {
    assert.deepEqual(judge(recording, recorded('H027'), circumstances), { faults: [], steps: 0, deliberate: 0 })
  })
})
