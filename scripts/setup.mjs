// Prepares a fresh checkout (dependencies, and Node 24 where the machine's own is older), then prints the path of
// the Node binary to run with. Runs on the machine's own Node, so it keeps to syntax and modules of Node 12 to 20.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const stampFile = join(modules, '.setup-stamp')
const lockDir = join(root, '.setup-lock')
const NEEDED_MAJOR = 24

function fail(message) {
  process.stderr.write('handover: ' + message + '\n')
  process.exit(2)
}

const major = Number(process.versions.node.split('.')[0])
if (major < 20) fail('needs Node 20 or newer to set itself up, this is ' + process.version)

/** The Node to run with: this one when it is new enough, else the one that came as a package. */
function nodeBinary() {
  if (major >= NEEDED_MAJOR) return process.execPath
  const carried = join(modules, 'node-' + process.platform + '-' + process.arch, 'bin', 'node')
  if (existsSync(carried)) return carried
  return fail(
    'needs Node ' +
      NEEDED_MAJOR +
      ' or newer; no package carries it for ' +
      process.platform +
      '-' +
      process.arch +
      ', install it and try again (this is ' +
      process.version +
      ')',
  )
}

function wantedStamp() {
  const lock = readFileSync(join(root, 'package-lock.json'))
  return createHash('sha256').update(lock).digest('hex') + ' ' + process.platform + '-' + process.arch
}

function isReady(stamp) {
  try {
    return readFileSync(stampFile, 'utf8') === stamp
  } catch (_) {
    return false
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** Takes the set-up lock; waits for a living holder, takes over from a dead one. */
function takeLock() {
  let told = false
  for (;;) {
    try {
      mkdirSync(lockDir)
      writeFileSync(join(lockDir, 'pid'), String(process.pid))
      return
    } catch (error) {
      if (error.code !== 'EEXIST') fail('cannot write to ' + root + ' (' + error.code + ')')
    }
    let holder = 0
    try {
      holder = Number(readFileSync(join(lockDir, 'pid'), 'utf8'))
    } catch (_) {
      sleep(500) // the holder may be between its mkdir and its write
      if (!existsSync(join(lockDir, 'pid'))) rmSync(lockDir, { recursive: true, force: true })
      continue
    }
    if (!isAlive(holder)) {
      rmSync(lockDir, { recursive: true, force: true })
      continue
    }
    if (!told) process.stderr.write('handover: another set-up is under way (pid ' + holder + '), waiting for it\n')
    told = true
    sleep(300)
  }
}

function install() {
  process.stderr.write('handover: first start, installing the dependencies (about 10 s) …\n')
  const env = Object.assign({}, process.env)
  for (const name of Object.keys(env)) {
    if (/^npm_config_(omit|only|include|production|engine_strict|ignore_scripts|optional)$/i.test(name))
      delete env[name]
  }
  delete env.NODE_ENV
  const args = ['ci', '--include=dev', '--include=optional', '--engine-strict=false', '--loglevel=error']
  const npm = process.env.npm_execpath
  const run =
    npm && /\.[cm]?js$/.test(npm)
      ? spawnSync(process.execPath, [npm].concat(args), { cwd: root, env: env, stdio: ['ignore', 2, 2] })
      : spawnSync('npm', args, { cwd: root, env: env, stdio: ['ignore', 2, 2] })
  if (run.error) return 'cannot run npm: ' + run.error.message
  if (run.status !== 0) return 'npm ci ended with ' + (run.status === null ? run.signal : 'exit code ' + run.status)
  return undefined
}

const stamp = wantedStamp()
if (!isReady(stamp) && !process.env.HANDOVER_SKIP_SETUP) {
  takeLock()
  let fault
  try {
    if (!isReady(stamp)) {
      const from = Date.now()
      fault = install()
      if (!fault) {
        writeFileSync(stampFile, stamp)
        process.stderr.write('handover: ready after ' + ((Date.now() - from) / 1000).toFixed(1) + ' s\n')
      }
    }
  } finally {
    rmSync(lockDir, { recursive: true, force: true })
  }
  if (fault) fail(fault)
}
process.stdout.write(nodeBinary() + '\n')
