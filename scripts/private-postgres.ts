import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A private PostgreSQL server for one test run. */
export interface PrivatePostgres {
  readonly url: string
  /** Stops the server and removes its files. */
  stop(): Promise<void>
}

const START_LIMIT_MS = 30_000
const STOP_LIMIT_MS = 10_000
const USER = 'handover'

/**
 * The directory of the newest PostgreSQL server on this machine (Debian's location or the PATH); undefined if there is
 * none.
 */
export function findPostgres(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const directories = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ]
  return directories.find(
    (directory) => existsSync(join(directory, 'initdb')) && existsSync(join(directory, 'postgres')),
  )
}

/**
 * Creates and starts a server on a free loopback port, without fsync, as the user `postgres` if we are root (the server
 * refuses root). It ends with this process, however this process ends. Rejects if the server does not start within 30
 * s.
 *
 * @param options.standbyOf the URL of the primary, to create a hot standby with asynchronous streaming replication
 */
export async function startPrivatePostgres(
  binaries: string,
  options: { readonly standbyOf?: string } = {},
): Promise<PrivatePostgres> {
  const owner = process.getuid?.() === 0 ? accountOf('postgres') : undefined
  const dataDir = mkdtempSync(join(tmpdir(), 'handover-postgres-'))
  const remove = () => rmSync(dataDir, { recursive: true, force: true })
  try {
    if (owner) chownSync(dataDir, owner.uid, owner.gid)
    const { standbyOf } = options
    const [program, ...args] = standbyOf === undefined ? initialize(dataDir) : copy(standbyOf, dataDir)
    const created = spawnSync(join(binaries, program), args, { ...owner, cwd: dataDir, encoding: 'utf8' })
    if (created.status !== 0) throw new Error(`${program} failed: ${created.error?.message ?? created.stderr.trim()}`)
    const port = await freePort()
    const server = spawnServer(binaries, dataDir, port, owner)
    await waitUntilReady(binaries, port, server)
    return {
      url: `postgres://${USER}@127.0.0.1:${port}/postgres`,
      async stop() {
        await endServer(server.child)
        remove()
      },
    }
  } catch (error) {
    remove()
    throw new Error('cannot start a private PostgreSQL', { cause: error })
  }
}

type Command = readonly [program: string, ...args: string[]]

function initialize(dataDir: string): Command {
  const encoding = ['-E', 'UTF8', '--locale=C']
  return ['initdb', '-D', dataDir, '-U', USER, '-A', 'trust', ...encoding, '--no-sync', '--no-instructions']
}

function copy(url: string, dataDir: string): Command {
  return ['pg_basebackup', '-d', url, '-D', dataDir, '--write-recovery-conf', '--checkpoint=fast', '--no-sync']
}

interface Account {
  readonly uid: number
  readonly gid: number
}

function accountOf(name: string): Account {
  const [uid, gid] = ['-u', '-g'].map((option) => Number(spawnSync('id', [option, name], { encoding: 'utf8' }).stdout))
  if (!uid || !gid) throw new Error(`there is no user ${name} to run PostgreSQL as`)
  return { uid, gid }
}

interface Server {
  readonly child: ChildProcess
  /** The server's output so far: shown if it does not start. */
  readonly log: () => string
}

/**
 * The shell in between waits for the end of its standard input, which comes when this process ends, even by SIGKILL,
 * and then stops the server (SIGQUIT: at once).
 */
function spawnServer(binaries: string, dataDir: string, port: number, owner: Account | undefined): Server {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '200',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const script = '"$@" & server=$!; read -r _; kill -QUIT $server; wait $server'
  const args = ['-c', script, 'sh', join(binaries, 'postgres'), '-D', dataDir, '-p', String(port), ...options]
  const child = spawn('sh', args, { ...owner, cwd: dataDir, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  let log = ''
  const keep = (chunk: Buffer) => {
    log = (log + chunk).slice(-4_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.on('error', (error) => keep(Buffer.from(error.message)))
  return { child, log: () => log }
}

async function waitUntilReady(binaries: string, port: number, server: Server): Promise<void> {
  for (const until = Date.now() + START_LIMIT_MS; Date.now() < until; ) {
    const args = ['-q', '-h', '127.0.0.1', '-p', String(port), '-U', USER]
    if (spawnSync(join(binaries, 'pg_isready'), args).status === 0) return
    if (server.child.exitCode !== null || /FATAL/.test(server.log())) break
    await sleep(100)
  }
  await endServer(server.child)
  throw new Error(`the server did not start: ${server.log().trim()}`)
}

async function endServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.stdin?.end()
  const limit = new AbortController()
  await Promise.race([ended, sleep(STOP_LIMIT_MS, undefined, { signal: limit.signal }).catch(() => {})])
  limit.abort()
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}
