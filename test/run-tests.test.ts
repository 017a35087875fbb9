import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { runTestFile } from '../scripts/run-test-file.ts'
import { ROOT } from './support/program.ts'
import { scratchDirectory } from './support/scratch.ts'

const scratch = scratchDirectory('run-tests')
after(() => scratch.remove())
mkdirSync(join(scratch.path, 'scripts'))
copyFileSync(join(ROOT, 'scripts', 'test-reporter.ts'), join(scratch.path, 'scripts', 'test-reporter.ts'))

async function run(name: string, source: string, limitMs = 60_000, signal = new AbortController().signal) {
  writeFileSync(join(scratch.path, name), source)
  const result = await runTestFile(name, { root: scratch.path, env: { ...process.env }, limitMs, signal })
  const outcomes = result.tests.map((one) => `${one.outcome} ${one.name}${one.reason ? ` (${one.reason})` : ''}`)
  return { ...result, outcomes }
}

describe('a test file under npm test', () => {
  test('is counted by its tests, not by its suites', async () => {
    const { outcomes, tests, fault } = await run(
      'mixed.test.mjs',
      `import { describe, test } from 'node:test'
       describe('outer', () => {
         describe('inner', () => { test('good', () => {}); test('bad', () => { throw new Error('because', { cause: 'deep' }) }) })
         test('left out', { skip: 'not here' }, () => {})
       })`,
    )
    assert.deepEqual(outcomes, [
      'passed outer › inner › good',
      'failed outer › inner › bad',
      'skipped outer › left out (not here)',
    ])
    assert.match(tests[1]?.error ?? '', /because(.|\n)*cause.*deep/)
    assert.equal(fault, undefined)
  })

  test('fails when a hook throws', async () => {
    const { outcomes } = await run(
      'hook.test.mjs',
      "import { after, describe, test } from 'node:test'\ndescribe('s', () => { after(() => { throw new Error('x') }); test('t', () => {}) })",
    )
    assert.deepEqual(outcomes, ['passed s › t', 'failed s'])
  })

  test('fails when it cannot be loaded', async () => {
    const { fault, output } = await run('broken.test.mjs', "import './gone.mjs'")
    assert.equal(fault, 'ended with exit code 1')
    assert.match(output, /gone\.mjs/)
  })

  test('fails when it leaves something running, after what passed is counted', async () => {
    const { outcomes, fault } = await run(
      'hangs.test.mjs',
      "import { test } from 'node:test'\ntest('t', () => {})\nsetInterval(() => {}, 1000)",
      2_000,
    )
    assert.equal(fault, 'did not end within 2 s')
    assert.deepEqual(outcomes, ['passed t'])
  })

  test('is ended when the run is stopped', async () => {
    const stopping = new AbortController()
    setTimeout(() => stopping.abort(), 300)
    const { fault } = await run('endless.test.mjs', 'setInterval(() => {}, 1000)', 60_000, stopping.signal)
    assert.match(fault ?? '', /^ended with/)
  })
})
