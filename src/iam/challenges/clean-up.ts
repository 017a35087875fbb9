import type { AuthorizationServer } from '../../authorization-server/index.ts'
import type { Log } from '../../observability/index.ts'
import type { Database, Queryable } from '../../storage/index.ts'
import type { ChallengeStore } from './challenge-store.ts'

/** A repeated clean-up that runs until stopped. */
export interface CleanUp {
  /** Lets the current round finish its batch. */
  stop(): Promise<void>
}

const EVERY_MS = 60_000
const BATCH = 1_000

/** Starts a round every minute, unless the previous one is still running. A failed round is logged and retried. */
export function startCleanUp(options: {
  readonly database: Database
  readonly schema: string
  readonly challenges: ChallengeStore
  /** The maximum number of unanswered challenges; undefined: unlimited. */
  readonly mostOpen?: number | undefined
  readonly core: AuthorizationServer
  readonly log: Log
}): CleanUp {
  let stopped = false
  let isBusy = false
  let round: Promise<void> = Promise.resolve()
  const run = async () => {
    try {
      const challenges = await purgeChallenges(options, () => stopped)
      const credentials = stopped || challenges === 'elsewhere' ? 0 : await options.core.purge()
      if (challenges !== 'elsewhere' && challenges + credentials > 0) {
        options.log.info({ challenges, credentials }, 'expired challenges and credentials removed')
      }
    } catch (error) {
      options.log.warn({ err: error }, 'clean-up failed, will retry')
    }
  }
  const timer = setInterval(() => {
    if (isBusy) return
    isBusy = true
    round = run().finally(() => {
      isBusy = false
    })
  }, EVERY_MS)
  timer.unref()
  return {
    async stop() {
      stopped = true
      clearInterval(timer)
      await round
    },
  }
}

/**
 * Deletes expired challenges, and the oldest unanswered ones beyond `mostOpen`, one transaction per batch, under a lock
 * so that replicas take turns. Returns the number deleted, or `elsewhere` when another replica is running it.
 */
export async function purgeChallenges(
  options: {
    readonly database: Database
    readonly schema: string
    readonly challenges: ChallengeStore
    readonly mostOpen?: number | undefined
  },
  isStopped: () => boolean = () => false,
): Promise<number | 'elsewhere'> {
  let removed = 0
  while (!isStopped()) {
    const batch = await options.database.transaction(async (tx) => {
      const [lock] = await tx.query<{ taken: boolean }>(
        // Uses the index even when many have expired.
        `select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as taken,
  set_config('enable_seqscan', 'off', true) as planning`,
        [`${options.schema} clean-up`],
      )
      return lock?.taken ? removeBatch(options, tx) : 'elsewhere'
    })
    if (batch === 'elsewhere') return removed === 0 ? 'elsewhere' : removed
    removed += batch
    if (batch < BATCH) break
  }
  return removed
}

async function removeBatch(
  { challenges, mostOpen }: { readonly challenges: ChallengeStore; readonly mostOpen?: number | undefined },
  tx: Queryable,
): Promise<number> {
  const expired = await challenges.purge(BATCH, tx)
  if (expired === BATCH || mostOpen === undefined) return expired
  return expired + (await challenges.trim(mostOpen, BATCH - expired, tx))
}
