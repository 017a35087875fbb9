import { compileFlag, type Environment } from '../../../flags/index.ts'
import type { Log } from '../../../observability/index.ts'
import { ROUTING_FLAG } from '../../../routing/index.ts'
import type { ChangeFeed } from '../../state/feed.ts'
import type { ScheduledProbes } from './scheduled-probes.ts'

/** Whether the routing flag sends any application to IAM. */
export function isAnyOn({ cache }: Pick<ChangeFeed, 'cache'>, environment: Environment): boolean {
  const { boolean, actors, percentage_of_actors } = cache.gates(environment, ROUTING_FLAG)
  return boolean || actors.length > 0 || percentage_of_actors > 0
}

/**
 * Tells the schedule which applications each change of the routing flag has moved, by comparing the flag before and
 * after: whether a rollout moved them, a person, or a restore. Every replica follows, so that a new leader knows what is
 * fresh. Returns a function that ends that.
 */
export function followMoves(
  { feed, environment, log }: { readonly feed: ChangeFeed; readonly environment: Environment; readonly log: Log },
  schedule: Pick<ScheduledProbes, 'moved' | 'movedBack'>,
): () => void {
  const compiled = () => compileFlag(ROUTING_FLAG, feed.cache.gates(environment, ROUTING_FLAG))
  let before = compiled()
  return feed.subscribe((step) => {
    // Without a step, everything has been read again.
    if (step !== undefined) {
      const { change } = step
      if (change.kind !== 'flag' || change.environment !== environment || change.name !== ROUTING_FLAG) return
    }
    const [was, is] = [before, compiled()]
    before = is
    if (!isAnyOn(feed, environment)) return schedule.movedBack()
    const moved = feed.cache.applications().flatMap(({ id }) => (is(id) && !was(id) ? [id] : []))
    if (moved.length === 0) return
    schedule
      .moved(moved)
      .catch((error: unknown) => log.warn({ err: error }, 'the twins of moved applications are unknown'))
  })
}
