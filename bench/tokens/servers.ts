import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { freePorts } from '../../test/support/ports.ts'
import { untilReady } from '../../test/support/wait.ts'
import { isInstalled } from '../load.ts'
import type { OidcProviderPlan } from '../peers/oidc-provider.ts'
import type { BenchClient, PreparedCode } from './clients.ts'
import { type OwnStore, prepareOwnStore } from './prepare.ts'

const ROOT = resolve(import.meta.dirname, '../..')

export type StoreKind = 'postgres' | 'embedded'
export type TokenFormat = 'opaque' | 'jwt'

/** The options with which a server starts. */
export interface ServerPlan {
  readonly scratch: string
  readonly store: StoreKind
  /** The database created for this server; undefined with the embedded store. */
  readonly databaseUrl: string | undefined
  readonly format: TokenFormat
  readonly clients: readonly BenchClient[]
  /** How many authorization codes its store must contain. */
  readonly codes: number
  /** Additional arguments for Node, such as `--cpu-prof`. */
  readonly nodeOptions: readonly string[]
}

/** A server that is listening. */
export interface TokenServer {
  readonly name: string
  readonly port: number
  readonly pid: number
  /** Undefined if it has no such endpoint. */
  readonly paths: Readonly<Record<'token', string> & Record<'introspect' | 'userinfo' | 'info', string | undefined>>
  /** The internal port of the IAM auth service and its token; undefined for the peer. */
  readonly internal?: { readonly url: string; readonly token: string }
  takeCodes(count: number): PreparedCode[]
  stop(): Promise<void>
}

/** A server to measure, in one process pinned to the first core. */
export interface TokenPeer {
  readonly name: string
  readonly stores: readonly StoreKind[]
  start(plan: ServerPlan): Promise<TokenServer>
}

const handover: TokenPeer = {
  name: 'handover iam',
  stores: ['postgres', 'embedded'],
  async start(plan) {
    const dataDir = join(plan.scratch, 'data')
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    const codes = await prepareOwnStore(ownStore(plan, dataDir), plan.clients, plan.codes)
    const [port = 0, internalPort = 0] = await freePorts(2)
    const store = plan.databaseUrl === undefined ? [] : ['--database-url', plan.databaseUrl]
    const address = `http://127.0.0.1:${port}`
    const args = [
      ...[join(ROOT, 'src/main.ts'), 'iam', '--listen', `127.0.0.1:${port}`, '--issuer', address],
      ...['--internal-listen', `127.0.0.1:${internalPort}`, '--data-dir', dataDir, ...store],
      ...['--access-token-format', plan.format],
    ]
    const child = startNode(plan, args, { log: 'iam.log' })
    await untilReady(`${address}/readyz`)
    return {
      ...running('handover iam', child, port, codes),
      paths: {
        token: '/oauth/token',
        introspect: '/oauth/introspect',
        userinfo: '/oauth/userinfo',
        info: '/oauth/token/info',
      },
      internal: {
        url: `http://127.0.0.1:${internalPort}`,
        token: readFileSync(join(dataDir, 'iam-internal-token'), 'utf8').trim(),
      },
    }
  },
}

function ownStore(plan: ServerPlan, dataDir: string): OwnStore {
  return plan.databaseUrl === undefined ? { kind: 'embedded', dataDir } : { kind: 'postgres', url: plan.databaseUrl }
}

/** With our own connections under its adapter, it shows how much of the difference the driver causes. */
function oidcProvider(name: string, driver: 'pool' | 'ours'): TokenPeer {
  return {
    name,
    stores: driver === 'pool' ? ['postgres', 'embedded'] : ['postgres'],
    start: (plan) => startOidcProvider(name, driver, plan),
  }
}

async function startOidcProvider(name: string, driver: 'pool' | 'ours', plan: ServerPlan): Promise<TokenServer> {
  const [port = 0] = await freePorts(1)
  const codesFile = join(plan.scratch, 'codes.json')
  const peerPlan: OidcProviderPlan = {
    port,
    store: plan.databaseUrl === undefined ? { dataDir: join(plan.scratch, 'data') } : { url: plan.databaseUrl, driver },
    accessTokens: plan.format === 'opaque' ? 'opaque' : 'RS256',
    clients: plan.clients,
    codes: plan.codes,
    codesFile,
  }
  mkdirSync(join(plan.scratch, 'data'), { recursive: true })
  const env = { ...process.env, NODE_ENV: 'production', BENCH_PLAN: JSON.stringify(peerPlan) }
  const child = startNode(plan, [join(ROOT, 'bench/peers/oidc-provider.ts')], { log: 'oidc-provider.log', env })
  await untilReady(`http://127.0.0.1:${port}/.well-known/openid-configuration`)
  const codes = JSON.parse(readFileSync(codesFile, 'utf8')) as PreparedCode[]
  return {
    ...running(name, child, port, codes),
    paths: {
      token: '/token',
      // It refuses to introspect JWTs.
      introspect: plan.format === 'jwt' ? undefined : '/token/introspection',
      userinfo: undefined,
      info: undefined,
    },
  }
}

function running(name: string, child: ChildProcess, port: number, codes: PreparedCode[]) {
  return {
    name,
    port,
    pid: child.pid ?? 0,
    takeCodes(count: number) {
      if (codes.length < count) throw new Error(`${name} has ${codes.length} codes left, not ${count}`)
      return codes.splice(0, count)
    },
    stop: () => stop(child),
  }
}

function startNode(plan: ServerPlan, args: readonly string[], options: { log: string; env?: NodeJS.ProcessEnv }) {
  const command = [process.execPath, ...plan.nodeOptions, ...args]
  const [program = '', ...rest] = isInstalled('taskset') ? ['taskset', '-c', '0', ...command] : command
  const log = openSync(join(plan.scratch, options.log), 'a')
  return spawn(program, rest, { stdio: ['ignore', log, 'inherit'], cwd: plan.scratch, env: options.env ?? process.env })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(late)
}

/** Ours first, then the ones it is compared with. */
export const tokenPeers: readonly TokenPeer[] = [
  handover,
  oidcProvider('oidc-provider', 'pool'),
  oidcProvider('… our connections', 'ours'),
]
