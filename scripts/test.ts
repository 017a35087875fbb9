import { globSync } from 'node:fs'
import { sep } from 'node:path'
import { PROJECT_ROOT } from './boundaries.ts'
import { findPostgres, startPrivatePostgres } from './private-postgres.ts'
import { type FileResult, type RunOptions, runTestFile } from './run-test-file.ts'
import { findParts } from './test-parts.ts'

const FOLDERS = ['src', 'test', 'contracts', 'examples', 'bench']
const AT_ONCE = 2
const FILE_LIMIT_MS = 20 * 60_000

const isCi = /^(1|true)$/i.test(process.env.CI ?? '')
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort())

/** The test files whose path contains one of the patterns; all of them without a pattern. */
function listFiles(patterns: readonly string[]): string[] {
  const files = globSync(
    FOLDERS.map((folder) => `${folder}/**/*.test.ts`),
    { cwd: PROJECT_ROOT, exclude: (name) => name.endsWith('node_modules') },
  )
  const paths = files.map((file) => file.split(sep).join('/')).sort()
  return patterns.length === 0 ? paths : paths.filter((path) => patterns.some((pattern) => path.includes(pattern)))
}

/** Runs the files, two at a time, the slow end-to-end ones first so that they do not come last alone. */
async function runAll(files: readonly string[], options: RunOptions): Promise<FileResult[]> {
  const weight = (file: string) => (file.startsWith('src/') ? 1 : 0)
  const waiting = [...files].sort((a, b) => weight(a) - weight(b))
  const results: FileResult[] = []
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined && !options.signal.aborted; file = waiting.shift()) {
      const result = await runTestFile(file, options)
      results.push(result)
      if (!options.signal.aborted) print(result, `${results.length}/${files.length}`)
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

/** Names what is missing on this machine. In CI everything must be there. */
function reportParts(): boolean {
  const missing = findParts().filter((part) => part.path === undefined)
  for (const part of missing) {
    console.log(`${isCi ? 'missing' : 'skipping'}: ${part.skips}, because ${part.name} is not installed here`)
  }
  return !isCi || missing.length === 0
}

async function main(): Promise<number> {
  const files = listFiles(process.argv.slice(2).filter((argument) => !argument.startsWith('-')))
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
  let results: FileResult[]
  try {
    results = await runAll(files, { root: PROJECT_ROOT, env, limitMs: FILE_LIMIT_MS, signal: stopping.signal })
  } finally {
    await postgres?.stop()
  }
  const { passed, failed, skipped } = count(results)
  if (stopping.signal.aborted) console.log('stopped before the end')
  console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
  return failed > 0 || passed === 0 || stopping.signal.aborted ? 1 : 0
}

process.exitCode = await main()
