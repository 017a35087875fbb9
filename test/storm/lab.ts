import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { endWithThisProcess } from '../support/child-processes.ts'
import { type FaultProxy, openFaultProxy, type ProxyAddress } from '../support/fault-proxy.ts'
import { freePortRange } from '../support/ports.ts'
import { eventually, untilReady } from '../support/wait.ts'

const ROOT = resolve(import.meta.dirname, '..', '..')

/** A component of the system: a process that can be stopped and restarted. */
export interface Part {
  readonly name: string
  readonly isUp: boolean
  start(): Promise<void>
  kill(signal: NodeJS.Signals): void
  /** Resident memory in megabytes; 0 while it is down. */
  residentMb(): number
  /** Open sockets; 0 while it is down. */
  sockets(): number
}

/**
 * The system under test: each component in a separate process, two gateways, and a proxy in front of IAM that injects
 * faults.
 */
export interface Lab {
  readonly issuer: string
  readonly gateways: readonly [Part, Part]
  readonly gatewayUrls: readonly [string, string]
  readonly gatewayAdminUrls: readonly [string, string]
  readonly iam: Part
  readonly control: Part
  readonly monolith: Part
  readonly controlUrl: string
  readonly adminToken: string
  readonly iamDoor: FaultProxy
  readonly logDirectory: string
  stop(): Promise<void>
}

export interface LabOptions {
  readonly directory: string
  /** Undefined for the embedded store. */
  readonly databaseUrl: string | undefined
  readonly seedFile: string
  readonly applications: number
  /** Further options of the control plane. */
  readonly controlOptions?: readonly string[]
  /** Opens the proxy between the gateways and IAM. Default: {@link openFaultProxy}. */
  readonly openDoor?: (listen: ProxyAddress, target: ProxyAddress) => Promise<FaultProxy>
}

/** Starts all components and waits until every application has reached IAM and the control plane. */
export async function startLab(options: LabOptions): Promise<Lab> {
  const { directory } = options
  const base = await freePortRange(10)
  const at = (offset: number) => `127.0.0.1:${base + offset}`
  const url = (offset: number) => `http://${at(offset)}`
  const file = (name: string) => join(directory, name)
  mkdirSync(directory, { recursive: true })
  writeFileSync(file('seed.json'), options.seedFile)
  const part = (name: string, readyUrl: string, ...args: string[]) =>
    processPart(name, [name.replace(/-\d$/, ''), ...args], `${readyUrl}/readyz`, file(`${name}.log`))
  const store = (name: string) => [
    ...(options.databaseUrl === undefined ? [] : ['--database-url', options.databaseUrl]),
    ...['--data-dir', file(name)],
  ]
  const secrets = ['--internal-token-file', file('internal-token')]
  const control = part(
    ...(['control', url(4), '--listen', at(4), ...store('control')] as const),
    ...['--admin-token-file', file('admin-token'), '--gateway-token-file', file('gateway-token')],
    ...['--replication-token-file', file('replication-token')],
    ...(options.controlOptions ?? []),
  )
  const iam = part(
    ...(['iam', url(6), '--listen', at(5), '--internal-listen', at(6), '--issuer', url(0), ...store('iam')] as const),
    ...[...secrets, '--verifier-key-file', file('verifier-key'), '--rate-limits', 'off'],
    ...['--resource-owner-url', `${url(7)}/-/iam/resource_owner`],
  )
  const monolith = part(
    ...(['monolith', url(7), '--listen', at(7), '--issuer', url(0), ...store('monolith'), ...secrets] as const),
    ...['--seed', file('seed.json'), '--iam-internal-url', url(6), '--control-url', url(4)],
    ...['--control-token-file', file('replication-token'), '--rate-limits', 'off'],
  )
  const openDoor = options.openDoor ?? openFaultProxy
  const iamDoor = await openDoor({ host: '127.0.0.1', port: base + 8 }, { host: '127.0.0.1', port: base + 5 })
  const gateway = (name: string, listen: number, admin: number) =>
    part(
      ...([name, url(admin), '--listen', at(listen), '--admin-listen', at(admin), '--workers', '1'] as const),
      ...['--legacy-url', url(7), '--iam-url', iamDoor.url, '--control-url', url(4)],
      ...['--control-token-file', file('gateway-token'), '--verifier-key-file', file('verifier-key')],
      ...['--data-dir', file(name), '--iam-headers-timeout-ms', '5000'],
    )
  const gateways = [gateway('gateway-1', 0, 1), gateway('gateway-2', 2, 3)] as const
  const all = [control, iam, monolith, ...gateways]
  const stop = async () => {
    for (const one of all) one.kill('SIGKILL')
    await iamDoor.close()
  }
  try {
    for (const one of all) await one.start()
    const adminToken = readFileSync(file('admin-token'), 'utf8').trim()
    await untilReplicated(url(4), adminToken, options.applications)
    return {
      ...{ issuer: url(0), gateways, iam, control, monolith, controlUrl: url(4), adminToken, iamDoor, stop },
      gatewayUrls: [url(0), url(2)],
      gatewayAdminUrls: [url(1), url(3)],
      logDirectory: directory,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function processPart(name: string, args: readonly string[], readyUrl: string, logFile: string): Part {
  let child: ChildProcess | undefined
  return {
    name,
    get isUp() {
      return child !== undefined
    },
    async start() {
      const log = openSync(logFile, 'a')
      const started = spawn(process.execPath, [join(ROOT, 'src/main.ts'), ...args], {
        ...{ cwd: ROOT, env: plainEnvironment(), stdio: ['ignore', log, log], detached: true },
      })
      child = started
      endWithThisProcess(started)
      started.once('exit', () => {
        if (child === started) child = undefined
      })
      await untilReady(readyUrl).catch((error: unknown) => {
        throw new Error(`${name} did not start, see ${logFile}`, { cause: error })
      })
    },
    kill(signal) {
      const { pid } = child ?? {}
      if (pid === undefined) return
      if (signal === 'SIGKILL') child = undefined
      try {
        process.kill(-pid, signal)
      } catch {
        // The process has already ended.
      }
    },
    residentMb: () => residentMbOf(child?.pid),
    sockets: () => socketsOf(child?.pid),
  }
}

/**
 * The environment without variables that would change a component's configuration, or show that it runs under a test.
 */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(HANDOVER_|IAM_SERVICE_URL$|NODE_)/.test(name)),
  )
}

function residentMbOf(pid: number | undefined): number {
  if (pid === undefined) return 0
  try {
    const [, kilobytes = 0] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Math.round(Number(kilobytes) / 1_024)
  } catch {
    return 0
  }
}

function socketsOf(pid: number | undefined): number {
  if (pid === undefined) return 0
  const targetOf = (descriptor: string) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`)
    } catch {
      return ''
    }
  }
  try {
    return readdirSync(`/proc/${pid}/fd`).filter((one) => targetOf(one).startsWith('socket:')).length
  } catch {
    return 0
  }
}

async function untilReplicated(controlUrl: string, token: string, count: number): Promise<void> {
  await eventually(
    'every application is replicated',
    async () => {
      const answer = await fetch(`${controlUrl}/api/v1/applications?limit=1000`, {
        headers: { authorization: `Bearer ${token}` },
      })
      const { applications } = (await answer.json()) as {
        applications: Array<{ version: number; iam_version: number | null }>
      }
      return applications.filter((one) => one.iam_version === one.version).length >= count
    },
    60_000,
  )
}
