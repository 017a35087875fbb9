import type { Log } from '../observability/index.ts'

/** Repeats the same work until stopped. */
export interface CleanUp {
  /** Resolves once the current round has ended. */
  stop(): Promise<void>
}

/** Starts a round every `everyMs`, unless the previous one is still running. A failed round is logged and retried. */
export function startCleanUp(purge: () => Promise<unknown>, everyMs: number, log: Log): CleanUp {
  let round: Promise<void> | undefined
  const timer = setInterval(() => {
    round ??= purge()
      .then(
        () => {},
        (error: unknown) => log.warn({ err: error }, 'purge failed'),
      )
      .finally(() => {
        round = undefined
      })
  }, everyMs).unref()
  return {
    async stop() {
      clearInterval(timer)
      await round
    },
  }
}
