import { globSync } from 'node:fs'
import { sep } from 'node:path'
import { affectedTests } from './affected-tests.ts'
import { PROJECT_ROOT } from './boundaries.ts'
import { findPostgres, startPrivatePostgres } from './private-postgres.ts'
import { type FileResult, type RunOptions, runTestFile } from './run-test-file.ts'
import { readTestOptions, TEST_HELP, type TestOptions } from './test-options.ts'
import { findParts } from './test-parts.ts'
import { watchSources } from './watch-sources.ts'

const FOLDERS = ['src', 'test', 'contracts', 'examples', 'bench', 'console']
/** One more than the cores of a small machine: a test often waits for a program, a page or a store. */
const AT_ONCE = 3
const FILE_LIMIT_MS = 20 * 60_000

const isCi = /^(1|true)$/i.test(process.env.CI ?? '')
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort())

/** The test files whose path contains one of the patterns; all files without a pattern. */
function listFiles(patterns: readonly string[]): string[] {
  const files = globSync(
    FOLDERS.map((folder) => `${folder}/**/*.test.ts`),
    { cwd: PROJECT_ROOT, exclude: (name) => name.endsWith('node_modules') },
  )
  const paths = files.map((file) => file.split(sep).join('/')).sort()
  return patterns.length === 0 ? paths : paths.filter((path) => patterns.some((pattern) => path.includes(pattern)))
}

/** Runs the files, {@link AT_ONCE} at a time, and the slow end-to-end ones first, so that they do not run alone at the end. */
async function runAll(files: readonly string[], options: RunOptions): Promise<FileResult[]> {
  const weight = (file: string) => (/^(console\/)?src\//.test(file) ? 1 : 0)
  const waiting = [...files].sort((a, b) => weight(a) - weight(b))
  const results: FileResult[] = []
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined && !options.signal.aborted; file = waiting.shift()) {
      const result = await runTestFile(file, options)
      results.push(result)
      const isFilteredOut = options.names !== undefined && result.tests.length === 0 && result.fault === undefined
      if (!options.signal.aborted && !isFilteredOut) print(result, `${results.length}/${files.length}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return results
}

function print(result: FileResult, progress: string): void {
  const { passed, failed, skipped } = count([result])
  const counts = `${passed} passed${failed ? `, ${failed} failed` : ''}${skipped ? `, ${skipped} skipped` : ''}`
  console.log(`${failed ? 'FAIL' : 'ok  '} ${progress} ${result.file}  ${counts}  ${result.seconds.toFixed(1)} s`)
  for (const test of result.tests) {
    if (test.outcome === 'skipped') console.log(`       skipped: ${test.name}${test.reason ? ` (${test.reason})` : ''}`)
    if (test.outcome !== 'failed') continue
    console.log(`\n  ✗ ${test.name}  (${result.file}:${test.line ?? 1})`)
    console.log(`${(test.error ?? '').replaceAll(/^/gm, '    ')}\n`)
  }
  if (result.fault) console.log(`\n  ✗ ${result.file} ${result.fault}`)
  if (failed && result.output.trim() !== '') {
    console.log(`  what it printed:\n${result.output.trimEnd().slice(-4_000).replaceAll(/^/gm, '  │ ')}\n`)
  }
}

function count(results: readonly FileResult[]): { passed: number; failed: number; skipped: number } {
  const tests = results.flatMap((result) => result.tests)
  const of = (outcome: string) => tests.filter((test) => test.outcome === outcome).length
  const faults = results.filter((result) => result.fault !== undefined).length
  return { passed: of('passed'), failed: of('failed') + faults, skipped: of('skipped') }
}

/** Lists the programs that are missing on this machine. In CI all of them must be installed. */
function reportParts(): boolean {
  const missing = findParts().filter((part) => part.path === undefined)
  for (const part of missing) {
    console.log(`${isCi ? 'missing' : 'skipping'}: ${part.skips}, because ${part.name} is not installed here`)
  }
  return !isCi || missing.length === 0
}

/** Prints the counts and returns whether the run passed. */
function summarize(results: readonly FileResult[]): boolean {
  const { passed, failed, skipped } = count(results)
  if (stopping.signal.aborted) console.log('stopped before the end')
  console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
  return failed === 0 && passed > 0 && !stopping.signal.aborted
}

/** Runs the tests that depend on each change, until a signal arrives. */
async function watch(options: TestOptions, run: RunOptions): Promise<void> {
  console.log('watching for changes, Ctrl-C ends')
  for await (const changed of watchSources(PROJECT_ROOT, FOLDERS, stopping.signal)) {
    const affected = affectedTests(PROJECT_ROOT, listFiles(options.patterns), changed)
    console.log(`\n${changed.join(', ')}: ${affected.length} test files depend on it`)
    if (affected.length > 0) summarize(await runAll(affected, run))
  }
}

async function main(options: TestOptions): Promise<number> {
  const files = listFiles(options.patterns)
  if (files.length === 0) {
    console.log('no test file matches\n0 passed, 0 failed')
    return 1
  }
  if (!reportParts()) {
    console.log('CI needs every part, see above\n0 passed, 1 failed')
    return 1
  }
  const env: NodeJS.ProcessEnv = { ...process.env }
  const binaries = env.HANDOVER_TEST_DATABASE_URL ? undefined : findPostgres()
  const postgres = binaries === undefined ? undefined : await startPrivatePostgres(binaries)
  if (postgres) env.HANDOVER_TEST_DATABASE_URL = postgres.url
  const run = { root: PROJECT_ROOT, env, limitMs: FILE_LIMIT_MS, signal: stopping.signal, names: options.names }
  try {
    const passed = summarize(await runAll(files, run))
    if (options.watch) await watch(options, run)
    return passed ? 0 : 1
  } finally {
    await postgres?.stop()
  }
}

const options = readTestOptions(process.argv.slice(2))
if ('fault' in options) {
  console.error(`npm test: ${options.fault}`)
  process.exitCode = 2
} else if (options.help) console.log(TEST_HELP)
else process.exitCode = await main(options)
