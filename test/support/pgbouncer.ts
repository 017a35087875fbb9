import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { findProgram } from '../../scripts/test-parts.ts'
import { freePorts } from './ports.ts'
import { scratchDirectory } from './scratch.ts'
import { eventually } from './wait.ts'

export type PoolMode = 'session' | 'transaction' | 'statement'

/** A real PgBouncer in front of a PostgreSQL server. */
export interface PgBouncer {
  /** The URL that it was started for, through the pooler. */
  readonly url: string
  stop(): Promise<void>
}

/** The path of PgBouncer; undefined when it is not installed. */
export const pgbouncer = findProgram('pgbouncer')

/** Starts a PgBouncer with its defaults, except for `settings`, in front of the database at `url`. */
export async function startPgBouncer(
  url: string,
  mode: PoolMode,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<PgBouncer> {
  const { hostname, port, username, password, pathname } = new URL(url)
  const database = pathname.slice(1)
  const [own = 0] = await freePorts(1)
  const scratch = scratchDirectory('pgbouncer')
  const server = [`host=${hostname}`, `port=${port || 5432}`, `user=${decodeURIComponent(username)}`]
  if (password !== '') server.push(`password=${decodeURIComponent(password)}`)
  const options = { listen_addr: '127.0.0.1', listen_port: own, auth_type: 'any', unix_socket_dir: '', ...settings }
  const lines = Object.entries({ ...options, pool_mode: mode }).map(([name, value]) => `${name} = ${value}`)
  const file = join(scratch.path, 'pgbouncer.ini')
  writeFileSync(file, `[databases]\n${database} = ${server.join(' ')}\n[pgbouncer]\n${lines.join('\n')}\n`)
  const account = accountFor(scratch.path, file)
  const child = spawn(pgbouncer ?? 'pgbouncer', [file], { ...account, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-4_000)
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const stop = async () => {
    process.off('exit', kill)
    await endOf(child)
    scratch.remove()
  }
  try {
    await eventually('PgBouncer listens', () => child.exitCode === null && listens(own))
  } catch (error) {
    await stop()
    throw new Error(`PgBouncer did not start: ${log}`, { cause: error })
  }
  const pooled = new URL(url)
  pooled.hostname = '127.0.0.1'
  pooled.port = String(own)
  return { url: pooled.href, stop }
}

/** PgBouncer refuses to run as root, so it then runs as `postgres`, like PostgreSQL in tests. */
function accountFor(directory: string, file: string): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (option: string) => Number(spawnSync('id', [option, 'postgres'], { encoding: 'utf8' }).stdout)
  const account = { uid: idOf('-u'), gid: idOf('-g') }
  for (const path of [directory, file]) chownSync(path, account.uid, account.gid)
  chmodSync(file, 0o600)
  return account
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => socket.end()).on('close', (hadError) => resolve(!hadError))
    socket.on('error', () => {})
  })
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}
