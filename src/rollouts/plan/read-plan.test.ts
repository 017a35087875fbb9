import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { planFaultInWords, readPlan, readPlanObject } from './read-plan.ts'

const NOW = Date.parse('2026-11-30T12:00:00Z')
const TERMS = { now: NOW, allowsShort: false }
const KNOWN = { flag: () => true, application: () => true, channel: () => true, webhook: () => true }
const HEAD = 'version: 1\nname: wave-2\nflag: proxy_oauth_requests_to_iam_service\nenvironment: production\n'

function planOf(text: string, terms: typeof TERMS = TERMS) {
  const read = readPlan(text, terms)
  assert.ok('plan' in read, JSON.stringify(read))
  return read.plan
}

function faultsOf(text: string): string[] {
  const read = readPlan(text, TERMS)
  return 'faults' in read ? read.faults.map(planFaultInWords) : []
}

describe('a plan', () => {
  test('is read with everything that its steps inherit', () => {
    const plan = planOf(`${HEAD}steps:
  - applications: [12, "client-id-of-another"]
  - sample: one_per_cohort
    dwell: 1h
    evidence: { outcomes: 10 }
  - percentage: 10
  - percentage: 100
    approval: required
dwell: 15m
evidence: { bound: 0.1 }
budget: { flows: 50 }
exclude: { at_most: 5% }
soak: 24h
mode: act
watch: { acknowledge: required }
`)
    assert.deepEqual(
      plan.steps.map(({ moves, dwellMs, evidence, needsApproval }) => [moves, dwellMs, evidence, needsApproval]),
      [
        [{ kind: 'applications', applications: [12, 'client-id-of-another'] }, 900_000, { bound: 0.1 }, false],
        [{ kind: 'sample' }, 3_600_000, { outcomes: 10 }, false],
        [{ kind: 'percentage', percentage: 10 }, 900_000, { bound: 0.1 }, false],
        [{ kind: 'percentage', percentage: 100 }, 900_000, { bound: 0.1 }, true],
      ],
    )
    assert.deepEqual(
      [plan.budgetFlows, plan.excludeAtMost, plan.soakMs, plan.mode, plan.watch, plan.shortened],
      [50, { percent: 5 }, 86_400_000, 'act', 'acknowledge', []],
    )
  })

  test('without steps has those of the template, and a watch on production only', () => {
    const plan = planOf(HEAD)
    const percentages = plan.steps.map(({ moves }) => moves.kind === 'percentage' && moves.percentage)
    assert.deepEqual(percentages, [1, 10, 25, 50, 75, 100])
    assert.equal(plan.watch, 'acknowledge')
    assert.equal(planOf(HEAD.replace('production', 'staging')).watch, 'none')
  })

  test('may use a few anchors', () => {
    const plan = planOf(
      `${HEAD}steps:\n  - percentage: 5\n    evidence: &proof { outcomes: 7 }\n  - percentage: 9\n    evidence: *proof\n`,
    )
    assert.deepEqual(plan.steps[1]?.evidence, { outcomes: 7 })
  })

  test('may have short durations with test controls, and says which', () => {
    const read = readPlan(`${HEAD}dwell: 2s\nsoak: 5s\n`, { now: NOW, allowsShort: true })
    assert.ok('plan' in read)
    assert.deepEqual(read.plan.shortened, ['dwell: 2s is below 15m', 'soak: 5s is below 24h'])
  })
})

describe('a faulty plan is refused with line, column, field and rule:', () => {
  const cases: ReadonlyArray<readonly [name: string, text: string, ...faults: string[]]> = [
    ['an unknown key', `${HEAD}dwel: 15m\n`, 'line 5, column 1: dwel is not a field of a plan; did you mean dwell?'],
    [
      'an unknown key of a step',
      `${HEAD}steps:\n  - percentag: 5\n`,
      'line 6, column 5: steps[0].percentag is not a field of a plan; did you mean percentage?',
    ],
    [
      'falling percentages',
      `${HEAD}steps:\n  - percentage: 25\n  - percentage: 10\n`,
      'line 7, column 5: steps[1].percentage must be more than the 25 of an earlier step',
    ],
    [
      'a percentage twice',
      `${HEAD}steps:\n  - percentage: 25\n  - percentage: 25\n`,
      'line 7, column 5: steps[1].percentage must be more than the 25 of an earlier step',
    ],
    ['no steps', `${HEAD}steps: []\n`, 'line 5, column 1: steps must have at least one step'],
    [
      'a step that moves nothing',
      `${HEAD}steps:\n  - dwell: 1h\n`,
      'line 6, column 5: steps[0] must have exactly one of applications, sample and percentage',
    ],
    [
      'a step that moves by two rules',
      `${HEAD}steps:\n  - percentage: 5\n    sample: one_per_cohort\n`,
      'line 6, column 5: steps[0] must have exactly one of applications, sample and percentage',
    ],
    [
      'an empty list',
      `${HEAD}steps:\n  - applications: []\n`,
      'line 6, column 5: steps[0].applications must list at least one application',
    ],
    [
      'an application twice',
      `${HEAD}steps:\n  - applications: [3]\n  - applications: [4, 3]\n`,
      'line 7, column 23: steps[1].applications[1] must not list 3 a second time',
    ],
    [
      'a step after the whole',
      `${HEAD}steps:\n  - percentage: 100\n  - applications: [3]\n`,
      'line 7, column 5: steps[1] must not follow a step of 100 percent',
    ],
    [
      'a short common fault',
      `${HEAD}common_fault: { within: 1m }\n`,
      'line 5, column 17: common_fault.within must be at least 10m',
    ],
    ['a short dwell', `${HEAD}dwell: 5m\n`, 'line 5, column 1: dwell must be at least 15m'],
    [
      'a short dwell of a step',
      `${HEAD}steps:\n  - percentage: 5\n    dwell: 90s\n`,
      'line 7, column 5: steps[0].dwell must be at least 15m',
    ],
    [
      'a dwell without a unit',
      `${HEAD}dwell: 15\n`,
      'line 5, column 1: dwell must be a number and a unit: ms, s, m, h or d, such as 15m or 24h',
    ],
    ['a soak of less than a day on production', `${HEAD}soak: 1h\n`, 'line 5, column 1: soak must be at least 24h'],
    [
      'an unknown metric',
      `${HEAD}guards: [failures, latncy]\n`,
      'line 5, column 20: guards[1] must be one of failures, completion, latency, shape, probes; did you mean latency?',
    ],
    [
      'a query without a limit',
      `${HEAD}guards:\n  - { name: cpu, query: up }\n`,
      'line 6, column 5: guards[0] must have at_most or at_least',
    ],
    [
      'a query without its text',
      `${HEAD}guards:\n  - { name: cpu, at_most: 1 }\n`,
      'line 6, column 5: guards[0].query is required',
    ],
    [
      'a date in the past',
      `${HEAD}not_before: 2026-11-29T08:00:00Z\n`,
      'line 5, column 1: not_before must not be in the past',
    ],
    [
      'a date without a zone',
      `${HEAD}not_before: 2027-01-01T08:00:00\n`,
      'line 5, column 1: not_before must be a date and time with a zone, such as 2027-01-11T08:00:00Z',
    ],
    [
      'two kinds of evidence',
      `${HEAD}evidence: { bound: 0.1, outcomes: 3 }\n`,
      'line 5, column 1: evidence must have either bound or outcomes',
    ],
    [
      'evidence that proves nothing',
      `${HEAD}evidence: { bound: 0.9 }\n`,
      'line 5, column 13: evidence.bound must be at most 0.5',
    ],
    ['a missing field', HEAD.replace(/name: .*\n/, ''), 'line 1, column 1: name is required'],
    [
      'an unknown environment',
      HEAD.replace('production', 'prod'),
      'line 4, column 1: environment must be one of dev, pre, staging, staging-ref, production',
    ],
    ['a newer version', HEAD.replace('version: 1', 'version: 2'), 'line 1, column 1: version must be 1'],
    ['a list', '- 1\n', 'line 1, column 1: the plan must be an object with version, name, flag and environment'],
    ['nothing at all', '', 'line 1, column 1: the plan must be an object with version, name, flag and environment'],
    [
      'a key twice',
      `${HEAD}dwell: 20m\ndwell: 30m\n`,
      'line 6, column 1: the plan must be valid YAML: Map keys must be unique',
    ],
    [
      'a key twice in a step',
      `${HEAD}steps:\n  - { percentage: 10, percentage: 20 }\n`,
      'line 6, column 23: the plan must be valid YAML: Map keys must be unique',
    ],
    [
      'an unknown tag',
      `${HEAD}dwell: !!js/function 15m\n`,
      'line 5, column 8: the plan must be valid YAML: Unresolved tag: tag:yaml.org,2002:js/function',
    ],
  ]
  for (const [name, text, ...faults] of cases) test(name, () => assert.deepEqual(faultsOf(text), faults))

  test('20,000 unknown keys, of which it names the first fifty', () => {
    const faults = faultsOf(Array.from({ length: 20_000 }, (_, at) => `k${at}: 1`).join('\n'))
    assert.equal(faults.length, 50)
    assert.equal(faults.at(-1), 'line 46, column 1: k45 is not a field of a plan')
  })

  test('5,000 aliases, because each is looked up in the whole plan', () => {
    const anchors = Array.from({ length: 5_000 }, (_, at) => `a${at}: &a${at} 1`)
    const aliases = Array.from({ length: 5_000 }, (_, at) => `b${at}: *a${at}`)
    assert.deepEqual(faultsOf([...anchors, ...aliases].join('\n')), [
      'line 5101, column 7: the plan must have at most 100 aliases',
    ])
  })

  test('text of 10 MB, without reading it', () => {
    const text = `${HEAD}# ${'x'.repeat(10_000_000)}\n`
    assert.deepEqual(faultsOf(text), [
      `line 1, column 1: the plan must be at most 262144 bytes, not ${Buffer.byteLength(text)}`,
    ])
  })

  test('anchors that explode', () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) =>
        `a${n}: &a${n} [${
          n === 0
            ? '1'
            : Array(9)
                .fill(`*a${n - 1}`)
                .join(', ')
        }]`,
    )
    const [fault, ...others] = faultsOf(`${HEAD}${levels.join('\n')}\n`)
    assert.match(fault ?? '', /^line 6, column \d+: the plan must not use anchors to repeat this much$/)
    assert.deepEqual(others, [])
  })

  test('text that is nested without end', () => {
    const [fault] = faultsOf(`${HEAD}steps: ${'['.repeat(100_000)}`)
    assert.match(fault ?? '', /^line \d+, column \d+: the plan must/)
  })

  test('a key that merges an object does nothing but be unknown', () => {
    assert.deepEqual(faultsOf(`${HEAD}<<: { dwell: 1m }\n`), ['line 5, column 1: << is not a field of a plan'])
  })

  test('an object has fields but no lines', () => {
    const read = readPlanObject({ version: 1, name: 'a', flag: 'some_flag', environment: 'dev', stps: [] }, TERMS)
    assert.deepEqual(read, {
      faults: [{ line: null, column: null, field: 'stps', rule: 'is not a field of a plan; did you mean steps?' }],
    })
  })

  test('a webhook that the operator does not allow is refused with its field, its line and the rule', () => {
    const known = { ...KNOWN, webhook: (url: string) => url.startsWith('https://hooks.example/') }
    const read = (url: string) =>
      readPlan(`${HEAD}notify:\n  webhook: ${url}\n`, { now: undefined, allowsShort: true, known })
    assert.ok('plan' in read('https://hooks.example/wave-2'))
    const refused = read('http://169.254.169.254/latest')
    assert.ok('faults' in refused)
    const [{ field, line, rule } = assert.fail('no fault')] = refused.faults
    assert.deepEqual([field, line], ['notify.webhook', HEAD.split('\n').length + 1])
    assert.match(rule, /an origin that control\.notifications\.webhook\.plan_origins lists/)
  })

  test('whom a plan notifies needs the configured channel of its kind', () => {
    const known = { ...KNOWN, channel: (kind: string) => kind === 'email' }
    const text = `${HEAD}notify:\n  email: [sre@example.com]\n  slack: C0123\n`
    const read = readPlan(text, { now: undefined, allowsShort: true, known })
    assert.ok('faults' in read)
    assert.deepEqual(
      read.faults.map(({ field, rule }) => [field, rule]),
      [['notify.slack', 'needs control.notifications.slack, which is not configured']],
    )
    assert.ok((read.faults[0]?.line ?? 0) > 1)
  })
})
