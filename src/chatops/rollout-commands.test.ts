import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCommand } from './parse.ts'

const parse = (text: string) => parseCommand(text, { isRoutingFlag: () => true })
const command = (text: string) => {
  const parsed = parse(text)
  return 'command' in parsed ? parsed.command : assert.fail(parsed.fault)
}
const fault = (text: string) => {
  const parsed = parse(text)
  return 'fault' in parsed ? parsed.fault : assert.fail(JSON.stringify(parsed.command))
}

describe('commands for rollouts', () => {
  test('list covers all environments, or the named ones', () => {
    assert.deepEqual(command('/chatops gitlab run rollout list'), { kind: 'rollout_list', environments: undefined })
    assert.deepEqual(command('rollout list --production --staging'), {
      ...{ kind: 'rollout_list', environments: ['staging', 'production'] },
    })
  })

  test('show, pause, resume, approve and abort name one rollout', () => {
    assert.deepEqual(command('rollout show 3'), { kind: 'rollout_show', rollout: 3 })
    assert.deepEqual(command('rollout pause 3'), {
      kind: 'rollout_act',
      action: 'pause',
      rollout: 3,
      reason: undefined,
    })
    assert.deepEqual(command('rollout resume 3 --reason “the cause is fixed”'), {
      ...{ kind: 'rollout_act', action: 'resume', rollout: 3, reason: 'the cause is fixed' },
    })
    assert.deepEqual(command('rollout approve 12 --reason ok'), {
      ...{ kind: 'rollout_act', action: 'approve', rollout: 12, reason: 'ok' },
    })
    for (const text of ['rollout show', 'rollout pause wave-2', 'rollout resume 1 2', 'rollout approve 0']) {
      assert.equal(fault(text), "specify one rollout by its number; 'rollout list' shows them", text)
    }
  })

  test('abort needs a reason', () => {
    assert.equal(fault('rollout abort 3'), "'rollout abort' needs --reason: say why it ends")
    assert.equal(command('rollout abort 3 --reason "wrong plan"').kind, 'rollout_act')
  })

  test("a customer's report names one application, one environment and what was reported", () => {
    const read = command('report-problem --oauth-application=42 --reason "sign-in ends on a blank page" --staging')
    assert.deepEqual(read, {
      ...{ kind: 'report_problem', environment: 'staging', application: '42' },
      reason: 'sign-in ends on a blank page',
    })
    assert.match(fault('report-problem --reason x'), /--oauth-application/)
    assert.match(fault('report-problem --oauth-application=42'), /--reason/)
    assert.match(fault('report-problem --oauth-application=42,43 --reason x'), /one application/)
    assert.match(fault('report-problem --oauth-application=42 --reason x --dev --staging'), /one environment/)
    assert.match(fault('report-problem 42 --reason x'), /options only/)
  })

  test('mistyped commands and options get a suggestion', () => {
    assert.match(fault('rollout paus 3'), /did you mean 'rollout pause'\?/)
    assert.match(fault('rollout show 3 --reason x'), /--reason is not valid with 'rollout show'/)
    assert.equal(command('rollout pause --help').kind, 'help')
    assert.equal(command('report-problem --help').kind, 'help')
  })
})
