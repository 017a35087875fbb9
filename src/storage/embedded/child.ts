import { Worker } from 'node:worker_threads'
import { lockFile } from '../directory.ts'

/** How long the previous process may take to end, for example after an operator has killed it. */
const PATIENCE_MS = 5_000

/**
 * Ties this process to its parent: it ends with the parent and ignores signals. Ctrl-C and systemd signal every process
 * of a group, and the parent closes the database in order.
 */
export function belongToParent(): void {
  new Worker(new URL('./parent-watch.ts', import.meta.url)).unref()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
}

/**
 * Locks this engine's directory until this process ends, however it ends. The lock of the whole data directory is not
 * enough: it ends with the server, and an engine may outlive its server for a moment.
 */
export async function lockEngineDirectory(dataDir: string): Promise<void> {
  const lock = await lockFile(`${dataDir}.lock`, PATIENCE_MS)
  if (lock === undefined) throw new Error(`another process has opened ${dataDir}`)
  process.once('exit', () => lock.close())
}
