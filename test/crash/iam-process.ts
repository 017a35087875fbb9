import { readFileSync } from 'node:fs'
import { AUTH_TOKEN_HEADER, INTERNAL_PATHS } from '../../src/handoff/index.ts'
import { call, serve } from '../../src/http/index.ts'
import { silentLog } from '../../src/observability/index.ts'
import { type Program, startProgram } from '../support/program.ts'
import { untilReady } from '../support/wait.ts'

/** A `handover iam` in its own process, which is killed and restarted at the same address. */
export interface IamProcess {
  readonly url: string
  /** Resolves when it is ready for traffic. */
  start(): Promise<void>
  /** SIGKILL, regardless of what it is doing. Resolves when the process is gone. */
  kill(): Promise<void>
  stop(): Promise<void>
  /** Provisions an application through its internal port. */
  replicate(application: object): Promise<void>
}

export interface IamProcessOptions {
  readonly ports: readonly [port: number, internalPort: number]
  /** The secrets of the processes, and the embedded database if `databaseUrl` is undefined. */
  readonly directory: string
  readonly databaseUrl: string | undefined
  readonly resourceOwnerUrl: string
}

/** Describes one; nothing runs before `start`. */
export function iamProcess(options: IamProcessOptions): IamProcess {
  const [port, internalPort] = options.ports
  const url = `http://127.0.0.1:${port}`
  const args = [
    ...['src/main.ts', 'iam', '--listen', `127.0.0.1:${port}`, '--internal-listen', `127.0.0.1:${internalPort}`],
    ...['--issuer', 'https://platform.example.test', '--resource-owner-url', options.resourceOwnerUrl],
    ...['--data-dir', options.directory, '--rate-limits', 'off', '--log-level', 'warn'],
    ...(options.databaseUrl === undefined ? [] : ['--database-url', options.databaseUrl]),
  ]
  let program: Program | undefined
  return {
    url,
    async start() {
      program = await startProgram({ command: process.execPath, args, env: { NODE_TEST_CONTEXT: undefined } })
      await untilReady(`${url}/readyz`)
    },
    async kill() {
      program?.kill('SIGKILL')
      await program?.ended
    },
    async stop() {
      await program?.stop()
    },
    async replicate(application) {
      const token = readFileSync(`${options.directory}/iam-internal-token`, 'utf8').trim()
      const target = `http://127.0.0.1:${internalPort}${INTERNAL_PATHS.clients}`
      const headers = { [AUTH_TOKEN_HEADER]: token }
      const { status, text } = await call({ method: 'PUT', url: target, headers, json: application })
      if (status !== 200) throw new Error(`replication: ${status} ${text}`)
    },
  }
}

/** Stands in for the monolith in the password grant: it accepts every password. */
export async function trustingMonolith(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const owner = { subject: '1', username: 'alice', name: 'Alice', email: 'alice@example.test' }
  const server = await serve({
    listen: { host: '127.0.0.1', port: 0 },
    log: silentLog,
    handler: async () => ({
      status: 200,
      headers: [['Content-Type', 'application/json']],
      body: JSON.stringify({ ...owner, auth_time: Math.floor(Date.now() / 1_000) }),
    }),
  })
  return { url: `${server.url}/-/iam/resource_owner`, close: () => server.close() }
}
