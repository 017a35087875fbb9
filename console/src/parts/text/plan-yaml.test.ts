import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { planAsYaml } from './plan-yaml.ts'

describe('a plan written as YAML', () => {
  const plan = {
    version: 1,
    name: 'wave-1',
    flag: 'proxy_oauth_requests_to_iam_service',
    environment: 'staging-ref',
    steps: [
      { applications: [1, 'client: "a"', '88'], dwell: '15m' },
      { percentage: 12.5, approval: 'required', evidence: { outcomes: 20 } },
    ],
    exclude: { at_most: '5%' },
    watch: { acknowledge: 'required' },
    guards: ['failures', { name: 'p99', query: 'max(up) # not a comment', at_most: 1 }],
    checklist: [],
    milestone: 'yes',
    change_issue_url: 'https://issues.example.test/1#note',
    notify: { email: ['a@example.test'], slack: '#iam' },
  }

  test('reads back as the same plan', () => {
    assert.deepEqual(parse(planAsYaml(plan)), plan)
  })

  test('looks as a person writes it', () => {
    assert.match(planAsYaml(plan), /^version: 1\nname: wave-1\n/)
    assert.match(planAsYaml(plan), /\n {2}- percentage: 12\.5\n {4}approval: required\n/)
    assert.match(planAsYaml(plan), /\nexclude: \{ at_most: 5% \}\n/)
  })

  test('keeps lists of any length', () => {
    const long = { steps: [{ applications: Array.from({ length: 300 }, (_, at) => at + 1) }] }
    assert.deepEqual(parse(planAsYaml(long)), long)
  })
})
