import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { freePortRange } from './support/ports.ts'
import { type Ended, type ProgramOptions, ROOT, startProgram } from './support/program.ts'
import { scratchDirectory } from './support/scratch.ts'
import { untilReady } from './support/wait.ts'

const scratch = scratchDirectory('package')
after(() => scratch.remove())

const INSTALL_LIMIT_MS = 240_000
const folder = join(scratch.path, 'empty')
const handover = join(folder, 'node_modules', '.bin', 'handover')

/** The environment of an interactive shell: without variables of npm, this checkout or the test runner. */
function shellEnvironment(): Record<string, string | undefined> {
  const env: Record<string, string | undefined> = {}
  for (const name of Object.keys(process.env)) if (/^(npm_|HANDOVER_|NODE_)/i.test(name)) env[name] = undefined
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => !entry.includes('node_modules'))
  return { ...env, PATH: path.join(delimiter) }
}

async function run(command: string, args: readonly string[], options: Partial<ProgramOptions> = {}) {
  const program = await startProgram({ command, args, cwd: folder, env: shellEnvironment(), ...options })
  const limit = setTimeout(() => void program.stop(0), INSTALL_LIMIT_MS)
  const { code }: Ended = await program.ended
  clearTimeout(limit)
  return { code, stdout: program.stdout.text(), stderr: program.stderr.text() }
}

describe('the package that npm pack creates', () => {
  before(async () => {
    mkdirSync(folder)
    const env = { ...shellEnvironment(), HANDOVER_SKIP_SETUP: '1' }
    const packed = await run('npm', ['pack', '--pack-destination', scratch.path, '--silent'], { cwd: ROOT, env })
    assert.equal(packed.code, 0, packed.stderr)
    const tarball = readdirSync(scratch.path).find((name) => name.endsWith('.tgz'))
    assert.ok(tarball, 'npm pack wrote no package')
    const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', join(scratch.path, tarball)]
    const installed = await run('npm', install)
    assert.equal(installed.code, 0, installed.stderr)
  })

  test('installs a command that runs without a checkout', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
    const shown = await run(handover, ['--version'])
    assert.deepEqual([shown.code, shown.stdout.trim(), shown.stderr], [0, `handover ${version}`, ''])
    const help = await run(handover, ['gateway', '--help'])
    assert.equal(help.code, 0, help.stderr)
    assert.match(help.stdout, /--legacy-url URL/)
  })

  test('contains JavaScript with types and source maps, and neither sources nor tests', () => {
    const root = join(folder, 'node_modules', 'handover')
    for (const file of ['dist/src/main.js', 'dist/src/main.js.map', 'dist/src/cli/index.d.ts', 'LICENSE', 'README.md'])
      assert.ok(existsSync(join(root, file)), `${file} is missing`)
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    assert.deepEqual(
      files.filter((file) => /\.test\.js$|(?<!\.d)\.ts$/.test(file)),
      [],
    )
  })

  test('runs the whole system, with separate processes for its engines and workers, and stops cleanly', async () => {
    const base = await freePortRange(8)
    const args = ['up', '--data-dir', join(scratch.path, 'data'), '--port-base', String(base)]
    const up = await startProgram({ command: handover, args, cwd: folder, env: shellEnvironment() })
    await untilReady(`http://127.0.0.1:${base + 1}/readyz`, 180_000)
    const keys = await fetch(`http://127.0.0.1:${base}/oauth/discovery/keys`)
    assert.equal(keys.status, 200)
    const { code } = await up.stop(30_000)
    assert.equal(code, 0, up.stderr.text())
  })
})
