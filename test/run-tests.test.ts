import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { affectedTests } from '../scripts/affected-tests.ts'
import { runTestFile } from '../scripts/run-test-file.ts'
import { readTestOptions } from '../scripts/test-options.ts'
import { watchSources } from '../scripts/watch-sources.ts'
import { ROOT } from './support/program.ts'
import { scratchDirectory } from './support/scratch.ts'

const scratch = scratchDirectory('run-tests')
after(() => scratch.remove())
mkdirSync(join(scratch.path, 'scripts'))
copyFileSync(join(ROOT, 'scripts', 'test-reporter.ts'), join(scratch.path, 'scripts', 'test-reporter.ts'))

async function run(
  name: string,
  source: string,
  limitMs = 60_000,
  signal = new AbortController().signal,
  names?: string[],
) {
  writeFileSync(join(scratch.path, name), source)
  const result = await runTestFile(name, { root: scratch.path, env: { ...process.env }, limitMs, signal, names })
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

  test('fails when it leaves a process or handle running, after its passed tests are counted', async () => {
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

describe('the options of npm test', () => {
  test('select files by parts of their paths and tests by their names', async () => {
    assert.deepEqual(readTestOptions(['gateway', '-t', 'brake', '--watch']), {
      patterns: ['gateway'],
      names: ['brake'],
      watch: true,
      help: false,
    })
    const source =
      "import { test } from 'node:test'\ntest('one', () => {})\ntest('two', () => { throw new Error('no') })"
    const { outcomes, fault } = await run('named.test.mjs', source, 60_000, undefined, ['^one$'])
    assert.deepEqual([outcomes, fault], [['passed one'], undefined])
  })

  test('are refused when they are unknown, lack a value or hold an invalid regular expression', () => {
    for (const [args, message] of [
      [['--grep', 'x'], /--grep/],
      [['-t'], /-t/],
      [['-t', '('], /regular expression/],
    ] as const) {
      const read = readTestOptions(args)
      assert.ok('fault' in read, args.join(' '))
      assert.match(read.fault, message)
    }
  })

  test('watch the sources and name the tests that depend on a change', async () => {
    const root = join(scratch.path, 'watched')
    mkdirSync(join(root, 'src'), { recursive: true })
    const write = (name: string, text: string) => writeFileSync(join(root, 'src', name), text)
    write('deep.ts', 'export const a = 1\n')
    write('middle.ts', "export { a } from './deep.ts'\n")
    write('middle.test.ts', "import { a } from './middle.ts'\n")
    write('other.test.ts', '')
    const stopping = new AbortController()
    const changes = watchSources(root, ['src'], stopping.signal)
    const next = changes.next()
    // The watcher starts with the first requested change; write until it reports one.
    const writing = setInterval(() => write('deep.ts', 'export const a = 2\n'), 50)
    const { value } = await next
    clearInterval(writing)
    stopping.abort()
    await changes.return(undefined)
    assert.deepEqual(value, ['src/deep.ts'])
    const tests = ['src/middle.test.ts', 'src/other.test.ts']
    assert.deepEqual(affectedTests(root, tests, ['src/deep.ts']), ['src/middle.test.ts'])
    assert.deepEqual(affectedTests(root, tests, ['src/other.test.ts']), ['src/other.test.ts'])
  })
})
