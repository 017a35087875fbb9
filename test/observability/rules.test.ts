import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { findProgram } from '../../scripts/test-parts.ts'
import { ROOT } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { WAIT_LIMIT_MS } from '../support/wait.ts'
import { alertRules, readText } from './shipped.ts'

const run = promisify(execFile)
const promtool = findProgram('promtool')
const RULES = 'observability/prometheus/handover.rules.yml'
const UNIT_TESTS = 'observability/prometheus/handover.rules.test.yml'

interface UnitTest {
  readonly alert_rule_test: ReadonlyArray<{ readonly alertname: string; readonly exp_alerts?: readonly unknown[] }>
}

describe('the alert rules', { skip: promtool === undefined && 'promtool is not installed' }, () => {
  const check = (...args: string[]) => run(promtool ?? '', args, { cwd: ROOT, timeout: WAIT_LIMIT_MS })

  test('are valid, and so is the configuration that uses them', async () => {
    assert.match((await check('check', 'rules', RULES)).stdout, /SUCCESS/)
    assert.match((await check('check', 'config', 'observability/prometheus/prometheus.yml')).stdout, /SUCCESS/)
  })

  test('fire under their condition, and are silent before and after', async () => {
    assert.match((await check('test', 'rules', UNIT_TESTS)).stdout, /SUCCESS/)
  })

  test('fail the test if one of them changes', async () => {
    const scratch = scratchDirectory('rules')
    writeFileSync(join(scratch.path, 'handover.rules.yml'), readText(RULES).replace('== 1\n        for: 1m', '== 2'))
    writeFileSync(join(scratch.path, 'unit.yml'), readText(UNIT_TESTS))
    const failure = check('test', 'rules', join(scratch.path, 'unit.yml'))
    await assert.rejects(failure, /HandoverIamCircuitOpen/)
    scratch.remove()
  })
})

describe('each alert', () => {
  const alerts = alertRules()
  const tests = (parse(readText(UNIT_TESTS)) as { tests: UnitTest[] }).tests.flatMap((one) => one.alert_rule_test)
  const runbook = readText('docs/runbook.md')
  const headings = [...runbook.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)

  test('exists', () => assert.ok(alerts.length > 15))

  test('has its section in the runbook, and no section is left over', () => {
    assert.deepEqual([...headings].sort(), alerts.map(({ alert }) => alert).sort())
  })

  const hasAnswers = (section: string) =>
    ['**Means:**', '**Look at:**', '**Do:**'].every((mark) => section.includes(mark))

  for (const { alert, labels, annotations } of alerts) {
    test(`${alert} states its severity, its meaning, and its section in the runbook`, () => {
      assert.match(labels.severity, /^(critical|warning)$/)
      assert.match(annotations.summary, /\w.*\.$/)
      assert.equal(annotations.runbook_url, `{{ $externalLabels.runbook_base }}docs/runbook.md#${alert.toLowerCase()}`)
      const section = runbook.split(`\n## ${alert}\n`)[1]?.split('\n## ')[0] ?? ''
      assert.ok(hasAnswers(section), `the section of ${alert} leaves a question open`)
    })

    test(`${alert} is tested to fire and to be silent`, () => {
      const own = tests.filter((one) => one.alertname === alert)
      assert.ok(own.some((one) => (one.exp_alerts?.length ?? 0) > 0))
      assert.ok(own.some((one) => one.exp_alerts === undefined))
    })
  }
})
