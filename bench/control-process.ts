import { type ChildProcess, spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { untilReady } from '../test/support/wait.ts'

const ROOT = resolve(import.meta.dirname, '..')

/** A control plane in a process of its own. */
export interface ControlProcess {
  readonly url: string
  readonly process: ChildProcess
}

/**
 * Starts a control plane on a port of the loopback interface, with its secrets in `directory`. Adds its process to
 * `children` at once, and resolves when it is ready; rejects after `limitMs` milliseconds.
 */
export async function startControlProcess(
  port: number,
  { databaseUrl, directory, limitMs }: { databaseUrl: string; directory: string; limitMs?: number },
  children: ChildProcess[],
): Promise<ControlProcess> {
  const file = (name: string) => join(directory, name)
  const started = spawn(
    process.execPath,
    [
      ...[join(ROOT, 'src/main.ts'), 'control', '--listen', `127.0.0.1:${port}`, '--database-url', databaseUrl],
      ...['--admin-token-file', file('admin-token'), '--gateway-token-file', file('gateway-token')],
      ...['--replication-token-file', file('replication-token'), '--routing-secret-file', file('routing-secret')],
      ...['--log-level', 'error'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  children.push(started)
  const url = `http://127.0.0.1:${port}`
  await untilReady(`${url}/readyz`, limitMs)
  return { url, process: started }
}
