import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePortRange } from '../support/ports.ts'
import { type Program, runHandover, startHandover } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually, untilReady } from '../support/wait.ts'

export const SEED = new URL('../fixtures/seed.json', import.meta.url).pathname

/** A complete running system, as clients and operators reach it. */
export interface System {
  /** The public origin. */
  readonly issuer: string
  readonly adminUrl: string
  readonly controlUrl: string
  readonly iamUrl: string
  readonly monolithUrl: string
  readonly demoUrl: string
  /** IAM's internal port. */
  readonly iamInternalUrl: string
  /** The address of the monolith's metrics, when the parts were started one by one. */
  readonly monolithMetricsUrl: string
  readonly dataDir: string
  readonly programs: readonly Program[]
  /** Runs a `handover` command against the control plane. */
  handover(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }>
  stop(): Promise<void>
}

/** `handover up` on the embedded database. */
export async function startUp(...args: string[]): Promise<System> {
  const base = await freePortRange(7)
  const scratch = scratchDirectory('up')
  const program = await startHandover([
    ...['up', '--data-dir', scratch.path, '--port-base', String(base), '--log-json'],
    ...args,
  ])
  const system = describeSystem(base, scratch.path, [program], scratch.remove)
  try {
    await program.stdout.waitFor(/Administrator's token/, 180_000)
  } catch (error) {
    await system.stop()
    throw new Error(`handover up did not start:\n${program.stderr.text()}`, { cause: error })
  }
  return system
}

/** The options of the parts that differ between tests. */
export interface PartsOptions {
  readonly seed?: string
  readonly hasTestControls?: boolean
  /** Options of both authorization servers. */
  readonly servers?: readonly string[]
  /** Added to the environment of every part. */
  readonly env?: Readonly<Record<string, string>>
  /** Separate databases for single parts, in place of the shared one. */
  readonly databases?: Readonly<Partial<Record<'control' | 'iam' | 'monolith', string>>>
  /** Additional options for single parts. */
  readonly more?: Readonly<Partial<Record<'control' | 'iam' | 'monolith' | 'gateway', readonly string[]>>>
}

/**
 * Starts every part as a separate process on one PostgreSQL, each with the command line an operator would write, and
 * with `--test-controls` on request.
 */
export async function startParts(databaseUrl: string, options: PartsOptions = {}): Promise<System> {
  const { seed = SEED, hasTestControls = false, servers = [], more = {}, env = {}, databases = {} } = options
  const base = await freePortRange(7)
  const at = (offset: number) => `127.0.0.1:${base + offset}`
  const issuer = `http://${at(0)}`
  const scratch = scratchDirectory('parts')
  const file = (name: string) => join(scratch.path, name)
  const store = (part: keyof typeof databases) => ['--database-url', databases[part] ?? databaseUrl]
  const secrets = ['--internal-token-file', file('internal-token')]
  const controls = hasTestControls ? ['--test-controls'] : []
  const both = [...controls, ...servers]
  const programs: Program[] = []
  const system = describeSystem(base, scratch.path, programs, scratch.remove)
  const start = async (readyUrl: string, ...args: string[]) => {
    programs.push(await startHandover(args, { env }))
    await untilReady(`${readyUrl}/readyz`)
  }
  try {
    writeFileSync(file('verifier-key'), randomBytes(32).toString('base64'), { mode: 0o600 })
    await start(
      `http://${at(2)}`,
      ...['control', '--listen', at(2), ...store('control'), '--admin-token-file', file('admin-token')],
      ...['--gateway-token-file', file('gateway-token'), '--replication-token-file', file('replication-token')],
      ...['--routing-secret-file', file('routing-secret'), '--verifier-key-file', file('verifier-key')],
      ...(more.control ?? []),
    )
    await start(
      `http://${at(4)}`,
      ...[
        'iam',
        '--listen',
        at(3),
        '--internal-listen',
        at(4),
        '--issuer',
        issuer,
        ...store('iam'),
        ...secrets,
        ...both,
      ],
      ...['--verifier-key-file', file('verifier-key'), '--resource-owner-url', `http://${at(5)}/-/iam/resource_owner`],
      ...(more.iam ?? []),
    )
    await start(
      `http://${at(5)}`,
      ...['monolith', '--listen', at(5), '--issuer', issuer, ...store('monolith'), ...secrets, '--seed', seed, ...both],
      ...['--iam-internal-url', `http://${at(4)}`, '--control-url', `http://${at(2)}`],
      ...['--control-token-file', file('replication-token'), '--metrics-listen', at(6)],
      ...(more.monolith ?? []),
    )
    await start(
      `http://${at(1)}`,
      ...['gateway', '--listen', at(0), '--admin-listen', at(1), '--legacy-url', `http://${at(5)}`, ...controls],
      ...[
        '--iam-url',
        `http://${at(3)}`,
        '--control-url',
        `http://${at(2)}`,
        '--control-token-file',
        file('gateway-token'),
      ],
      ...['--verifier-key-file', file('verifier-key'), '--data-dir', file('gateway'), '--workers', '1'],
      ...(more.gateway ?? []),
    )
  } catch (error) {
    const said = programs.map((program) => `${program.stdout.text()}\n${program.stderr.text()}`).join('\n')
    await system.stop()
    throw new Error(`the parts did not start:\n${said.slice(-4_000)}`, { cause: error })
  }
  return system
}

function describeSystem(base: number, dataDir: string, programs: readonly Program[], remove: () => void): System {
  const url = (offset: number) => `http://127.0.0.1:${base + offset}`
  return {
    issuer: url(0),
    adminUrl: url(1),
    controlUrl: url(2),
    iamUrl: url(3),
    monolithUrl: url(5),
    demoUrl: url(6),
    iamInternalUrl: url(4),
    monolithMetricsUrl: url(6),
    dataDir,
    programs,
    handover: (...args) =>
      runHandover([...args, '--control-url', url(2), '--token-file', join(dataDir, 'admin-token')]),
    async stop() {
      for (const program of [...programs].reverse()) await program.stop()
      remove()
    },
  }
}

/** Waits until every application of the seed has reached IAM and the control plane. */
export async function untilReplicated(system: System, count: number): Promise<void> {
  const { readFileSync } = await import('node:fs')
  const token = readFileSync(join(system.dataDir, 'admin-token'), 'utf8').trim()
  await eventually('every application is replicated', async () => {
    const answer = await fetch(`${system.controlUrl}/api/v1/applications?limit=1000`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const { applications } = (await answer.json()) as {
      applications: Array<{ version: number; iam_version: number | null }>
    }
    return applications.filter((one) => one.iam_version === one.version).length >= count
  })
}
