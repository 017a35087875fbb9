import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServerDatabase } from '../../test/support/database.ts'
import { freePortRange } from '../../test/support/ports.ts'
import { type Program, ROOT, runHandover, startHandover, startProgram } from '../../test/support/program.ts'
import { scratchDirectory } from '../../test/support/scratch.ts'
import { untilReady } from '../../test/support/wait.ts'

/** Rails with its Doorkeeper, the gateway in front of it, and IAM and the control plane, all running. */
export interface Platform {
  /** The public origin: the gateway. */
  readonly issuer: string
  readonly railsUrl: string
  readonly stateDir: string
  readonly programs: readonly Program[]
  /** Runs a `handover` command against the control plane. */
  handover(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }>
  /** Calls the control plane's API as administrator. */
  control(path: string): Promise<Response>
  /** Runs a callback while IAM is stopped, then starts IAM on the same ports. */
  withoutIam(work: () => Promise<void>): Promise<void>
  /** Starts another Rails with a separate, empty database and the same IAM and control plane. */
  startStranger(): Promise<{ log(): string; stop(): Promise<unknown> }>
  /** Calls IAM's internal port. */
  internal(method: string, path: string): Promise<Response>
  stop(): Promise<void>
}

/**
 * Starts everything as README.md describes, on free ports, with an empty state and a seed document. Rejects with the
 * output if it fails.
 */
export async function startPlatform(seed: string): Promise<Platform> {
  const base = await freePortRange(7)
  const at = (offset: number) => `127.0.0.1:${base + offset}`
  const url = (offset: number) => `http://${at(offset)}`
  const scratch = scratchDirectory('rails')
  const file = (name: string) => join(scratch.path, name)
  const adminToken = file('admin-token')
  writeFileSync(file('seed.json'), seed)
  writeFileSync(file('iam-token'), randomBytes(32).toString('hex'), { mode: 0o600 })
  const database = await openStore()
  const store = (part: string) => (database ? ['--database-url', database.url] : ['--data-dir', file(part)])
  const programs: Program[] = []
  const stop = async () => {
    for (const program of [...programs].reverse()) await program.stop()
    await database?.remove()
    scratch.remove()
  }
  const start = async (starting: Promise<Program>, readyUrl: string) => {
    programs.push(await starting)
    await untilReady(`${readyUrl}/readyz`)
  }
  const secrets = ['--internal-token-file', file('iam-token'), '--verifier-key-file', file('verifier-key')]
  const tokens = ['--admin-token-file', adminToken, '--gateway-token-file', file('gateway-token')]
  const rails = {
    PORT: String(base + 5),
    ISSUER: url(0),
    STATE_DIR: file('platform'),
    SEED: file('seed.json'),
    IAM_INTERNAL_URL: url(4),
    IAM_INTERNAL_TOKEN_FILE: file('iam-token'),
    CONTROL_URL: url(2),
    CONTROL_TOKEN_FILE: file('replication-token'),
  }
  const iam = ['iam', '--listen', at(3), '--internal-listen', at(4), '--issuer', url(0), ...store('iam'), ...secrets]
  const startIam = () =>
    start(startHandover([...iam, '--resource-owner-url', `${url(5)}/-/iam/resource_owner`]), url(4))
  try {
    const replication = ['--replication-token-file', file('replication-token')]
    await start(startHandover(['control', '--listen', at(2), ...store('control'), ...tokens, ...replication]), url(2))
    await startIam()
    const command = join(ROOT, 'examples', 'doorkeeper', 'run.sh')
    await start(startProgram({ command, args: [], env: rails }), url(5))
    const upstreams = ['--legacy-url', url(5), '--iam-url', url(3), '--verifier-key-file', file('verifier-key')]
    const decisions = ['--control-url', url(2), '--control-token-file', file('gateway-token')]
    const listen = ['--listen', at(0), '--admin-listen', at(1), '--workers', '1']
    await start(startHandover(['gateway', ...listen, ...upstreams, ...decisions]), url(1))
  } catch (error) {
    const said = programs.map((program) => `${program.stdout.text()}\n${program.stderr.text()}`).join('\n')
    await stop()
    throw new Error(`the platform did not start:\n${said.slice(-4_000)}`, { cause: error })
  }
  return {
    issuer: url(0),
    railsUrl: url(5),
    stateDir: file('platform'),
    programs,
    handover: (...args) => runHandover([...args, '--control-url', url(2), '--token-file', adminToken]),
    control: async (path) => {
      const authorization = `Bearer ${readFileSync(adminToken, 'utf8').trim()}`
      return fetch(`${url(2)}${path}`, { headers: { authorization }, signal: AbortSignal.timeout(5_000) })
    },
    async withoutIam(work) {
      await programs[1]?.stop()
      await work().finally(startIam)
    },
    async startStranger() {
      const { SEED: _, ...environment } = rails
      const env = { ...environment, PORT: String(base + 6), STATE_DIR: file('stranger') }
      const program = await startProgram({ command: join(ROOT, 'examples', 'doorkeeper', 'run.sh'), args: [], env })
      await untilReady(`${url(6)}/readyz`)
      return { log: () => readFileSync(join(file('stranger'), 'rails.log'), 'utf8'), stop: () => program.stop() }
    },
    internal: async (method, path) => {
      const headers = { 'gitlab-iam-auth-token': readFileSync(file('iam-token'), 'utf8').trim() }
      return fetch(`${url(4)}${path}`, { method, headers, signal: AbortSignal.timeout(5_000) })
    },
    stop,
  }
}

/** A database on the server that `npm test` has started, if there is one; else the embedded engine. */
async function openStore() {
  const server = process.env.HANDOVER_TEST_DATABASE_URL
  return server ? createServerDatabase(server) : undefined
}
