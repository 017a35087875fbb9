import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type Program, ROOT, startProgram } from './support/program.ts'
import { scratchDirectory } from './support/scratch.ts'
import { eventually } from './support/wait.ts'

const scratch = scratchDirectory('setup')
after(() => scratch.remove())

/**
 * A stand-in for npm: records that it ran and with which arguments, then behaves as FAKE_NPM says. The real one needs a
 * registry, and the test is about who runs it, when, and with what result.
 */
const FAKE_NPM = `
const { appendFileSync, existsSync, mkdirSync } = require('node:fs')
const settings = Object.keys(process.env).filter((name) => /^npm_config_|^NODE_ENV$/.test(name)).sort()
appendFileSync('runs.ndjson', JSON.stringify({ pid: process.pid, args: process.argv.slice(2), settings }) + '\\n')
const mode = process.env.FAKE_NPM
const done = () => { mkdirSync('node_modules', { recursive: true }); process.exit(mode === 'fails' ? 7 : 0) }
if (mode === 'waits') setInterval(() => existsSync('go-on') && done(), 20)
else setTimeout(done, 300)
`

interface Run {
  readonly pid: number
  readonly args: string[]
  readonly settings: string[]
}

let checkouts = 0

/** A checkout with the scripts, its own lockfile and a stand-in for npm. */
function freshCheckout() {
  const root = join(scratch.path, String(checkouts++))
  mkdirSync(join(root, 'scripts'), { recursive: true })
  for (const name of ['find-node.mjs', 'setup.mjs', 'with-node.sh'])
    copyFileSync(join(ROOT, 'scripts', name), join(root, 'scripts', name))
  writeFileSync(join(root, 'npm.cjs'), FAKE_NPM)
  writeFileSync(
    join(root, 'package-lock.json'),
    JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.0.0' } } }),
  )
  writeFileSync(
    join(root, 'hello.ts'),
    "const who: string = 'hello'\nprocess.stdout.write(who + process.argv.slice(2))\n",
  )
  const start = (env: Record<string, string> = {}, before: readonly string[] = []): Promise<Program> =>
    startProgram({
      command: 'sh',
      args: [...before, join(root, 'scripts', 'with-node.sh'), 'hello.ts', 'x'],
      cwd: root,
      env: { npm_execpath: join(root, 'npm.cjs'), HANDOVER_SKIP_SETUP: undefined, ...env },
    })
  const runs = () => {
    const file = join(root, 'runs.ndjson')
    if (!existsSync(file)) return []
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    return lines.map((line) => JSON.parse(line) as Run)
  }
  return { root, start, runs, hasLock: () => existsSync(join(root, '.setup-lock')) }
}

async function outcome(program: Program) {
  const { code } = await program.ended
  return { code, stdout: program.stdout.text(), stderr: program.stderr.text() }
}

describe('the set-up of a checkout', () => {
  test('installs once, then runs the requested command immediately', async () => {
    const { start, runs, hasLock } = freshCheckout()
    const first = await outcome(await start())
    assert.equal(first.code, 0, first.stderr)
    assert.equal(first.stdout, 'hellox')
    assert.match(first.stderr, /installing the dependencies.*\n.*ready after/)
    const second = await outcome(await start())
    assert.deepEqual(second, { code: 0, stdout: 'hellox', stderr: '' })
    assert.equal(runs().length, 1)
    assert.equal(hasLock(), false)
  })

  test('installs again when the lockfile has changed', async () => {
    const { root, start, runs } = freshCheckout()
    await outcome(await start())
    writeFileSync(
      join(root, 'package-lock.json'),
      JSON.stringify({ packages: { '': {}, 'node_modules/b': { version: '2.0.0' } } }),
    )
    await outcome(await start())
    assert.equal(runs().length, 2)
  })

  test('accepts a complete manual installation', async () => {
    const { root, start, runs } = freshCheckout()
    mkdirSync(join(root, 'node_modules'))
    const note = (version: string) =>
      writeFileSync(
        join(root, 'node_modules', '.package-lock.json'),
        JSON.stringify({ packages: { 'node_modules/a': { version } } }),
      )
    note('1.0.0')
    assert.equal((await outcome(await start())).stdout, 'hellox')
    assert.equal(runs().length, 0)

    const other = freshCheckout()
    mkdirSync(join(other.root, 'node_modules'))
    writeFileSync(join(other.root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: {} }))
    assert.equal((await outcome(await other.start())).stdout, 'hellox')
    assert.equal(other.runs().length, 1)
  })

  test('lets two starts at once share one install', async () => {
    const { start, runs, hasLock } = freshCheckout()
    const both = await Promise.all([start(), start()])
    for (const { code, stdout } of await Promise.all(both.map(outcome))) assert.deepEqual([code, stdout], [0, 'hellox'])
    assert.equal(runs().length, 1)
    assert.equal(hasLock(), false)
  })

  test("does not let the caller's settings change the installation", async () => {
    const { start, runs } = freshCheckout()
    await outcome(
      await start({
        NODE_ENV: 'production',
        npm_config_omit: 'dev,optional',
        npm_config_ignore_scripts: 'true',
        npm_config_engine_strict: 'true',
        npm_config_dry_run: 'true',
        npm_config_fetch_retries: '3',
      }),
    )
    const settings = runs()[0]?.settings ?? []
    const changing = /_omit$|ignore_scripts|engine_strict|dry_run|NODE_ENV/
    assert.deepEqual(
      settings.filter((name) => changing.test(name)),
      [],
    )
    assert.ok(settings.includes('npm_config_fetch_retries'), 'what helps npm to reach its registry stays')
    assert.ok(runs()[0]?.args.includes('--include=dev'))
  })

  test('reports in one line that npm failed, exits with 2, and tries again the next time', async () => {
    const { start, runs, hasLock } = freshCheckout()
    const failed = await outcome(await start({ FAKE_NPM: 'fails' }))
    assert.equal(failed.code, 2)
    assert.match(failed.stderr, /^handover: npm ci ended with exit code 7$/m)
    assert.equal(failed.stdout, '')
    assert.equal(hasLock(), false)
    assert.equal((await outcome(await start())).stdout, 'hellox')
    assert.equal(runs().length, 2)
  })

  test('takes over after a set-up that was killed with its npm', async () => {
    const { start, runs, hasLock } = freshCheckout()
    const killed = await start({ FAKE_NPM: 'waits' })
    await eventually('npm runs', () => runs().length === 1 && hasLock())
    process.kill(-killed.pid, 'SIGKILL')
    await killed.ended
    assert.equal(hasLock(), true)
    const { code, stdout } = await outcome(await start())
    assert.deepEqual([code, stdout], [0, 'hellox'])
    assert.equal(hasLock(), false)
  })

  test('waits for an npm that outlived its set-up instead of running a second one concurrently', async () => {
    const { root, start, runs } = freshCheckout()
    // The process group ends with its first process: a shell that lingers keeps npm alive, as a terminal would.
    const lingering = ['-c', 'sh "$@"; sleep 60', 'sh']
    const first = await start({ FAKE_NPM: 'waits' }, lingering)
    await eventually('npm holds the lock', () => readLock(root).length === 2 && runs().length === 1)
    const [setUp = 0, npm = 0] = readLock(root)
    assert.equal(npm, runs()[0]?.pid)
    process.kill(setUp, 'SIGKILL')
    const second = await start()
    await second.stderr.waitFor(/another set-up is under way/)
    assert.equal(runs().length, 1)
    writeFileSync(join(root, 'go-on'), '')
    assert.equal((await outcome(second)).stdout, 'hellox')
    await first.stop()
  })

  test('is not misled by a lock whose pid now belongs to another process', async () => {
    const { root, start } = freshCheckout()
    writeFileSync(join(root, '.setup-lock'), `${process.pid}@1`)
    assert.equal((await outcome(await start())).stdout, 'hellox')
  })

  for (const [version, code] of Object.entries({ '18.20.4': 2, '16.20.2': 2 })) {
    test(`asks for a newer Node in one line when it finds ${version}`, async () => {
      const { root, start, runs } = freshCheckout()
      const old = join(root, 'old')
      mkdirSync(old)
      const pretend = `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}});Object.defineProperty(process,"version",{value:"v${version}"})`
      writeFileSync(join(old, 'node'), `#!/bin/sh\nexec '${process.execPath}' --import '${pretend}' "$@"\n`, {
        mode: 0o755,
      })
      const result = await outcome(await start({ PATH: `${old}:${process.env.PATH}` }))
      assert.equal(result.code, code)
      assert.equal(result.stderr, `handover: needs Node 20 or newer to set itself up, this is v${version}`)
      assert.equal(runs().length, 0)
    })
  }

  test('says so when the installed Node cannot even parse it', async () => {
    const { root, start } = freshCheckout()
    const old = join(root, 'old')
    mkdirSync(old)
    const script = '#!/bin/sh\n[ "$1" = --version ] && { echo v8.17.0; exit; }\necho "SyntaxError" >&2; exit 1\n'
    writeFileSync(join(old, 'node'), script, { mode: 0o755 })
    const result = await outcome(await start({ PATH: `${old}:${process.env.PATH}` }))
    assert.equal(result.code, 2)
    assert.match(result.stderr, /^handover: needs Node 20 or newer to set itself up, this is v8\.17\.0$/m)
  })

  test('passes exit codes and signals through as if it were not there', async () => {
    const { root, start } = freshCheckout()
    writeFileSync(
      join(root, 'hello.ts'),
      "process.on('SIGTERM', () => process.exit(42))\nsetInterval(() => {}, 1000)\nconsole.log('up')\n",
    )
    const program = await start()
    await program.stdout.waitFor(/up/)
    program.kill('SIGTERM')
    assert.equal((await program.ended).code, 42)
  })
})

function readLock(root: string): number[] {
  try {
    const lines = readFileSync(join(root, '.setup-lock'), 'utf8').split('\n')
    return lines.map((line) => Number(line.split('@')[0]))
  } catch {
    return []
  }
}
