import cluster from 'node:cluster'
import type { RunningGateway } from '../../gateway/index.ts'
import type { Log } from '../../observability/index.ts'
import { runUntilStopped } from './run-part.ts'

/** The variable that tells a worker process its index. */
export const WORKER_VARIABLE = 'HANDOVER_GATEWAY_WORKER'

/** The variable with random text, the same for all workers of a port, from which keys may be derived. */
export const SEED_VARIABLE = 'HANDOVER_GATEWAY_SEED'

/** The variable that makes a worker start with its brake switched on. */
export const BRAKE_VARIABLE = 'HANDOVER_GATEWAY_BRAKE'

/** What a worker reports: first that it listens, later that it accepts no more connections. */
export type WorkerReport = { readonly adminUrl: string } | { readonly hasLeftQueue: true }

/** Asks a worker to stop. The last one that accepts connections also empties the queue that all of them share. */
export interface StopRequest {
  readonly stop: 'first' | 'last'
}

/**
 * Runs a gateway process that shares its port until its supervisor asks it to stop, or is gone. Ignores SIGINT and
 * SIGTERM, which a terminal or a service manager may send to each process of a group: the supervisor decides which
 * process stops last. Resolves with the exit code.
 */
export async function runWorker(gateway: RunningGateway, drainMs: number, log: Log): Promise<number> {
  // Otherwise the cluster module exits as soon as the supervisor is gone, without a drain.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
  let isLast = false
  const asked = new Promise<string>((resolve) => {
    process.on('message', (message) => {
      const { stop } = message as Partial<StopRequest>
      if (stop === undefined) return
      isLast = stop === 'last'
      resolve('the supervisor stops')
    })
    process.once('disconnect', () => resolve('the supervisor is gone'))
  })
  report({ adminUrl: gateway.adminUrl ?? '' })
  const close = () => gateway.close(isLast ? undefined : () => report({ hasLeftQueue: true }))
  return runUntilStopped([{ stopMs: drainMs, close }], log, asked)
}

function report(message: WorkerReport): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}
