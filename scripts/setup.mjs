// Prepares a fresh checkout (dependencies, and Node 24 where the machine's own is older), then prints the path of
// the Node binary to run with. Runs on the machine's own Node, so it keeps to what Node 14 can parse: an old Node must
// get as far as the line that says so.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNode, noNodeMessage } from './find-node.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const stampFile = join(modules, '.setup-stamp')
const lockFile = join(root, '.setup-lock')
const major = Number(process.versions.node.split('.')[0])

function say(message) {
  process.stderr.write(`handover: ${message}\n`)
}

function fail(message) {
  say(message)
  process.exit(2)
}

function wantedStamp(lockText) {
  return `${createHash('sha256').update(lockText).digest('hex')} ${process.platform}-${process.arch}`
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch (_) {
    return undefined
  }
}

/** Whether somebody has run `npm ci` by hand: then what npm noted down is what the lockfile asks for. */
function isInstalledByHand(lockText) {
  const noted = read(join(modules, '.package-lock.json'))
  if (noted === undefined || findNode(root) === undefined) return false
  const present = JSON.parse(noted).packages || {}
  for (const [path, wanted] of Object.entries(JSON.parse(lockText).packages)) {
    if (path === '' || wanted.link) continue
    if (present[path] === undefined ? !wanted.optional : present[path].version !== wanted.version) return false
  }
  return true
}

/**
 * A process by its pid and, where the system tells it, its time of start: pids are used again. One that has ended and
 * only waits to be noticed by its parent (Z) has no time of start.
 */
function identityOf(pid) {
  const stat = read(`/proc/${pid}/stat`)
  const fields = stat === undefined ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return `${pid}@${fields[0] === 'Z' ? 'ended' : fields[19] || ''}`
}

function isAlive(identity) {
  const pid = Number(identity.split('@')[0])
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (error.code !== 'EPERM') return false
  }
  return identityOf(pid) === identity
}

function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** Takes the set-up lock, which appears whole or not at all; waits for living holders, takes over from dead ones. */
function takeLock() {
  const claim = `${lockFile}.${process.pid}`
  let told = false
  try {
    for (;;) {
      try {
        writeFileSync(claim, identityOf(process.pid))
        linkSync(claim, lockFile)
        return
      } catch (error) {
        if (error.code !== 'EEXIST') fail(`cannot write to ${root} (${error.code})`)
      }
      const holders = read(lockFile)
      if (holders === undefined) continue
      if (holders.split('\n').some(isAlive)) {
        if (!told) say(`another set-up is under way (pid ${holders.split('@')[0]}), waiting for it`)
        told = true
        sleep(200)
      } else removeDeadLock(holders)
    }
  } finally {
    rmSync(claim, { force: true })
  }
}

/** Moves the lock aside before removing it: another process may have replaced it since it was read. */
function removeDeadLock(holders) {
  const aside = `${lockFile}.dead.${process.pid}`
  try {
    renameSync(lockFile, aside)
    if (read(aside) !== holders) linkSync(aside, lockFile)
  } catch (_) {
    // somebody else was faster
  }
  rmSync(aside, { force: true })
}

/** Adds a process to the holders, so that an npm that outlives its parent keeps the lock. */
function shareLock(pid) {
  const next = `${lockFile}.${process.pid}`
  writeFileSync(next, `${identityOf(process.pid)}\n${identityOf(pid)}`)
  renameSync(next, lockFile)
}

function countInstalled() {
  let count = 0
  try {
    for (const name of readdirSync(modules)) {
      if (name.startsWith('@')) count += readdirSync(join(modules, name)).length
      else if (!name.startsWith('.')) count++
    }
  } catch (_) {
    return 0
  }
  return count
}

/** What the caller's npm settings must not change about the install. */
const SCRUBBED =
  /^npm_config_(omit|only|include|production|also|optional|engine_strict|ignore_scripts|global|location|prefix|dry_run|package_lock|package_lock_only|bin_links|workspaces?|install_strategy|loglevel)$/i

/** Runs `npm ci`; resolves to the fault, if any. */
function install() {
  const env = Object.assign({}, process.env)
  for (const name of Object.keys(env)) if (SCRUBBED.test(name)) delete env[name]
  delete env.NODE_ENV
  const args = [
    'ci',
    '--include=dev',
    '--include=optional',
    '--engine-strict=false',
    '--loglevel=error',
    '--progress=false',
  ]
  const npm = process.env.npm_execpath
  const [command, first] = npm && /\.[cm]?js$/.test(npm) ? [process.execPath, [npm]] : ['npm', []]
  const from = Date.now()
  return new Promise((resolve) => {
    const child = spawn(command, first.concat(args), { cwd: root, env: env, stdio: ['ignore', 2, 2] })
    if (child.pid !== undefined) shareLock(child.pid)
    const ticker = setInterval(() => {
      say(`installing … ${countInstalled()} packages, ${Math.round((Date.now() - from) / 1000)} s`)
    }, 4000)
    const end = (fault) => {
      clearInterval(ticker)
      resolve(fault)
    }
    child.on('error', (error) => end(`cannot run npm: ${error.message}`))
    child.on('exit', (code, signal) => {
      end(code === 0 ? undefined : `npm ci ended with ${code === null ? signal : `exit code ${code}`}`)
    })
  })
}

/** Whether the Node that came as a package really runs here: it needs glibc, which not every Linux has. */
function nodeRuns() {
  const binary = findNode(root)
  return binary !== undefined && spawnSync(binary, ['--version'], { timeout: 30000 }).status === 0
}

function setUp(lockText, stamp) {
  if (isInstalledByHand(lockText) && nodeRuns()) {
    writeFileSync(stampFile, stamp)
    return Promise.resolve(undefined)
  }
  const from = Date.now()
  say('first start, installing the dependencies (10 s to 60 s) …')
  rmSync(stampFile, { force: true })
  return install().then((fault) => {
    if (fault) return fault
    if (!nodeRuns()) return noNodeMessage()
    writeFileSync(stampFile, stamp)
    say(`ready after ${((Date.now() - from) / 1000).toFixed(1)} s`)
    return undefined
  })
}

function finish() {
  const binary = findNode(root)
  if (binary === undefined) fail(noNodeMessage())
  process.stdout.write(`${binary}\n`)
}

if (major < 20) fail(`needs Node 20 or newer to set itself up, this is ${process.version}`)
const lockText = read(join(root, 'package-lock.json'))
if (lockText === undefined) fail(`${root} holds no package-lock.json`)
const stamp = wantedStamp(lockText)
if (read(stampFile) === stamp || process.env.HANDOVER_SKIP_SETUP) finish()
else {
  takeLock()
  const release = () => rmSync(lockFile, { force: true })
  const work = read(stampFile) === stamp ? Promise.resolve(undefined) : setUp(lockText, stamp)
  work.then(
    (fault) => {
      release()
      if (fault) fail(fault)
      finish()
    },
    (error) => {
      release()
      fail(`set-up failed: ${error.message}`)
    },
  )
}
