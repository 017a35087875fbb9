import type { Log } from '../observability/index.ts'

/** Does the same work again and again until stopped. */
export interface CleanUp {
  /** Resolves once a round under way has ended. */
  stop(): Promise<void>
}

/** Starts a round every `everyMs`, unless the last one is still at it. One that fails is logged and tried again. */
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
