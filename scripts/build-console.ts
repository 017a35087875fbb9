import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { PROJECT_ROOT } from './boundaries.ts'

const CONSOLE = join(PROJECT_ROOT, 'console')
/** The built console. */
export const CONSOLE_DIST = join(CONSOLE, 'dist')
const SOURCES = ['src/**/*', 'public/**/*', 'index.html', 'package.json', 'tsconfig.json', 'vite.config.*']
const COMPRESSIBLE = new Set(['.css', '.html', '.js', '.json', '.svg'])
const VITE = join(PROJECT_ROOT, 'node_modules', 'vite', 'bin', 'vite.js')
const LOCK = join(CONSOLE, '.handover-build-lock')
const LOCK_LIFE_MS = 120_000
const BUILD_LIMIT_MS = 110_000

/** Whether this checkout has a console whose build is missing or older than its sources. */
export function isConsoleStale(): boolean {
  if (!existsSync(join(CONSOLE, 'index.html'))) return false
  const index = join(CONSOLE_DIST, 'index.html')
  if (!existsSync(index)) return true
  const builtAt = statSync(index).mtimeMs
  return globSync(SOURCES, { cwd: CONSOLE }).some((file) => statSync(join(CONSOLE, file)).mtimeMs > builtAt)
}

/**
 * Builds `console/dist/` if it is stale, with a brotli and a gzip form next to each file. The result appears at once, and
 * of several processes one builds while the others wait. Throws when the build fails.
 */
export async function buildConsole(tell: (text: string) => void): Promise<void> {
  while (isConsoleStale()) {
    if (!takeLock()) {
      await pause(100)
      continue
    }
    try {
      if (isConsoleStale()) buildOnce(tell)
    } finally {
      rmSync(LOCK, { force: true })
    }
  }
}

function takeLock(): boolean {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const age = Date.now() - (statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
  if (age > LOCK_LIFE_MS) rmSync(LOCK, { force: true })
  return false
}

function buildOnce(tell: (text: string) => void): void {
  if (!existsSync(VITE)) throw new Error('vite is not installed; run npm ci')
  const from = Date.now()
  tell('building the console …')
  const made = `${CONSOLE_DIST}.${process.pid}`
  try {
    const args = [VITE, 'build', CONSOLE, '--outDir', made, '--emptyOutDir', '--logLevel', 'warn']
    runBuild(args, BUILD_LIMIT_MS)
    for (const file of globSync('**/*', { cwd: made })) compress(join(made, file))
    rmSync(CONSOLE_DIST, { recursive: true, force: true })
    renameSync(made, CONSOLE_DIST)
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
  tell(`built the console in ${((Date.now() - from) / 1_000).toFixed(1)} s`)
}

/** Runs a build in the console's folder. Throws when it fails, or stops it when it takes longer than `limitMs`. */
export function runBuild(args: readonly string[], limitMs: number): void {
  const options = { cwd: CONSOLE, timeout: limitMs, killSignal: 'SIGKILL' } as const
  const { status, error } = spawnSync(process.execPath, args, { ...options, stdio: ['ignore', 2, 2] })
  const isLate = (error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT'
  if (isLate) throw new Error(`vite build did not end within ${limitMs / 1_000} s`)
  if (status !== 0) throw new Error(`vite build ended with exit code ${status}`)
}

function compress(file: string): void {
  if (!COMPRESSIBLE.has(extname(file))) return
  const content = readFileSync(file)
  const params = { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: content.length }
  writeFileSync(`${file}.br`, brotliCompressSync(content, { params }))
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }))
}

if (import.meta.main) {
  const tell = (text: string) => process.stderr.write(`handover: ${text}\n`)
  await buildConsole(tell).catch((error: unknown) => {
    tell(`cannot build the console: ${(error as Error).message}`)
    process.exitCode = 1
  })
}
