import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ALLOWED_IMPORTS } from './allowed-imports.ts'
import { checkBoundaries, formatViolation, PROJECT_ROOT } from './boundaries.ts'
import { checkConsoleBoundaries } from './console-boundaries.ts'

/** One step of `npm run check`; `run` prints its findings and returns whether there were none. */
interface Step {
  readonly name: string
  readonly run: () => boolean
}

const STEPS: readonly Step[] = [
  { name: 'format and lint', run: () => tool('biome', ['check', '--error-on-warnings', '--max-diagnostics=50']) },
  { name: 'types', run: () => tool('tsc', ['--noEmit']) },
  { name: 'types of the console', run: () => tool('tsc', ['--noEmit', '-p', 'console']) },
  { name: 'import boundaries', run: boundaries },
  { name: 'names', run: () => script('check-glossary.ts') },
  { name: 'plain English', run: () => script('check-english.ts') },
  { name: 'unused code', run: () => tool('knip', ['--no-progress']) },
]

function tool(name: string, args: readonly string[]): boolean {
  const command = join(PROJECT_ROOT, 'node_modules', '.bin', name)
  const { status, error } = spawnSync(command, args, { cwd: PROJECT_ROOT, stdio: 'inherit' })
  if (error) console.log(`cannot run ${name}: ${error.message}`)
  return status === 0
}

function script(name: string): boolean {
  return spawnSync(process.execPath, [join(import.meta.dirname, name)], { stdio: 'inherit' }).status === 0
}

function boundaries(): boolean {
  const findings = [checkBoundaries(PROJECT_ROOT, ALLOWED_IMPORTS), checkConsoleBoundaries(PROJECT_ROOT)]
  const violations = findings.flatMap((found) => found.violations)
  for (const violation of violations) console.log(formatViolation(violation))
  for (const { files, imports } of findings) console.log(`${imports} imports in ${files} files`)
  // A check that reads nothing must not pass.
  return violations.length === 0 && findings.every(({ imports }) => imports > 0)
}

/**
 * Runs every step, even after a failure, so that one run shows everything that needs fixing. Returns the failed ones.
 */
function runAll(steps: readonly Step[]): string[] {
  const failed: string[] = []
  for (const step of steps) {
    console.log(`\n── ${step.name}`)
    const from = performance.now()
    const passed = step.run()
    if (!passed) failed.push(step.name)
    console.log(`${passed ? 'ok' : 'FAILED'} after ${((performance.now() - from) / 1_000).toFixed(1)} s`)
  }
  return failed
}

const failed = runAll(STEPS)
console.log(failed.length === 0 ? '\ncheck passed' : `\ncheck failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
