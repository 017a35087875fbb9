import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReportedTest } from './test-reporter.ts'

/** The result of one test file. */
export interface FileResult {
  readonly file: string
  readonly tests: readonly ReportedTest[]
  /** Why the file itself failed, apart from its tests: it could not be loaded, crashed, or did not end in time. */
  readonly fault: string | undefined
  /** The end of its output. */
  readonly output: string
  readonly seconds: number
}

export interface RunOptions {
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  readonly limitMs: number
  /** Aborting it ends the file's processes. */
  readonly signal: AbortSignal
  /** Runs only the tests whose names match one of these regular expressions. */
  readonly names?: readonly string[] | undefined
}

const KEPT_OUTPUT = 20_000
const GRACE_MS = 2_000
/** Per test and suite, so that the report names the one that hangs. Test files set no limits themselves. */
const TEST_LIMIT_MS = 15 * 60_000

/**
 * Runs one test file in its own process group, which is killed as a whole when the time limit is reached, so that
 * nothing a test has started outlives it.
 */
export async function runTestFile(file: string, options: RunOptions): Promise<FileResult> {
  const scratch = mkdtempSync(join(tmpdir(), 'handover-test-'))
  const report = join(scratch, 'report.ndjson')
  const reporter = join(options.root, 'scripts', 'test-reporter.ts')
  const from = performance.now()
  try {
    const reporting = ['--test-reporter', reporter, '--test-reporter-destination', report]
    const names = (options.names ?? []).map((name) => `--test-name-pattern=${name}`)
    const args = [`--test-timeout=${TEST_LIMIT_MS}`, ...names, ...reporting, join(options.root, file)]
    const { fault, output } = await runInGroup(args, options)
    const tests = readReport(report)
    const isExplained = tests.some((test) => test.outcome === 'failed')
    return {
      file,
      tests,
      fault: fault?.kind === 'exit' && isExplained ? undefined : fault?.text,
      output,
      seconds: (performance.now() - from) / 1_000,
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

interface Ended {
  readonly fault: { readonly kind: 'exit' | 'limit'; readonly text: string } | undefined
  readonly output: string
}

function runInGroup(args: readonly string[], options: RunOptions): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: options.root,
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    let output = ''
    let isLate = false
    const keep = (chunk: Buffer) => {
      output = (output + chunk).slice(-KEPT_OUTPUT)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const signalGroup = (signal: NodeJS.Signals) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal)
      } catch {
        // the group has ended already
      }
    }
    let last: NodeJS.Timeout | undefined
    // SIGTERM first: processes that a test started run in their own groups, which the test's process ends when it ends.
    const endGroup = () => {
      signalGroup('SIGTERM')
      last = setTimeout(signalGroup, GRACE_MS, 'SIGKILL')
    }
    const limit = setTimeout(() => {
      isLate = true
      endGroup()
    }, options.limitMs)
    options.signal.addEventListener('abort', endGroup, { once: true })
    const finish = (fault: Ended['fault']) => {
      clearTimeout(limit)
      clearTimeout(last)
      options.signal.removeEventListener('abort', endGroup)
      signalGroup('SIGKILL')
      resolve({ fault, output })
    }
    child.on('error', (error) => finish({ kind: 'exit', text: error.message }))
    child.on('exit', (code, signal) => {
      if (isLate) finish({ kind: 'limit', text: `did not end within ${options.limitMs / 1_000} s` })
      else if (code === 0) finish(undefined)
      else finish({ kind: 'exit', text: `ended with ${code === null ? signal : `exit code ${code}`}` })
    })
  })
}

function readReport(file: string): ReportedTest[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return [] // it ended before its first test
  }
  // A process that was killed may leave an incomplete line.
  const lines = text.split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as ReportedTest)
}
