import { Worker } from 'node:worker_threads'
import { lockFile } from '../directory.ts'

/** How long the process before may take to end, which an operator has killed perhaps. */
const PATIENCE_MS = 5_000

/**
 * Makes this process one that belongs to its parent: it ends with it, and leaves signals to it. Ctrl-C and systemd
 * signal every process of a group, and the parent closes the database in order.
 */
export function belongToParent(): void {
  new Worker(new URL('./parent-watch.ts', import.meta.url)).unref()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
}

/**
 * Keeps every other process from this engine's directory until this process ends, however it ends. The lock of the whole
 * data directory is not enough: it ends with the server, and an engine may outlive its server for a moment.
 */
export async function lockEngineDirectory(dataDir: string): Promise<void> {
  const lock = await lockFile(`${dataDir}.lock`, PATIENCE_MS)
  if (lock === undefined) throw new Error(`another process has opened ${dataDir}`)
  process.once('exit', () => lock.close())
}
