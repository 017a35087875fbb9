import { spawnSync } from 'node:child_process'
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_ROOT } from './boundaries.ts'

const DIST = join(PROJECT_ROOT, 'dist')
/** What the program reads from the root of its tree while it runs. */
const READ_AT_RUN_TIME = ['package.json', 'flags']

/**
 * Has every file that the program starts by its address (`new URL('./x.ts', import.meta.url)`) started in its built form:
 * the compiler rewrites imports, but no such address.
 */
function withBuiltAddresses(code: string): string {
  return code.replace(/(new URL\(\s*(['"])[^'"]+)\.ts(\2\s*,\s*import\.meta\.url)/g, '$1.js$3')
}

/** Builds `dist/`: the sources as JavaScript with types and source maps, and what they read while they run. */
function build(): number {
  rmSync(DIST, { recursive: true, force: true })
  const compiler = join(PROJECT_ROOT, 'node_modules', '.bin', 'tsc')
  const { status, error } = spawnSync(compiler, ['-p', 'tsconfig.build.json'], { cwd: PROJECT_ROOT, stdio: 'inherit' })
  if (status !== 0) {
    console.error(error ? `cannot run tsc: ${error.message}` : 'the build failed')
    return 1
  }
  for (const file of globSync('src/**/*.js', { cwd: DIST })) {
    const path = join(DIST, file)
    const code = readFileSync(path, 'utf8')
    const built = withBuiltAddresses(code)
    if (built !== code) writeFileSync(path, built)
  }
  for (const name of READ_AT_RUN_TIME) cpSync(join(PROJECT_ROOT, name), join(DIST, name), { recursive: true })
  console.error(`built ${globSync('src/**/*.js', { cwd: DIST }).length} files in dist/`)
  return 0
}

process.exitCode = build()
