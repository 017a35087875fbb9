import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_ROOT } from './boundaries.ts'
import { buildConsole, CONSOLE_DIST } from './build-console.ts'

const DIST = join(PROJECT_ROOT, 'dist')
/** The files that the program reads from the root of its tree at run time. */
const READ_AT_RUN_TIME = ['package.json', 'flags']

/**
 * Makes every file that the program starts by URL (`new URL('./x.ts', import.meta.url)`) start in its built form: the
 * compiler rewrites imports, but not these URLs.
 */
function withBuiltAddresses(code: string): string {
  return code.replace(/(new URL\(\s*(['"])[^'"]+)\.ts(\2\s*,\s*import\.meta\.url)/g, '$1.js$3')
}

/**
 * Builds `dist/`: the sources as JavaScript with types and source maps, the files that they read at run time, and the
 * console.
 */
async function build(): Promise<number> {
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
  await buildConsole((text) => console.error(text))
  if (existsSync(CONSOLE_DIST)) cpSync(CONSOLE_DIST, join(DIST, 'console', 'dist'), { recursive: true })
  console.error(`built ${globSync('src/**/*.js', { cwd: DIST }).length} files in dist/`)
  return 0
}

process.exitCode = await build()
