import { setTimeout as sleep } from 'node:timers/promises'
import { applicationInWords } from '../../../applications/index.ts'
import { type ApplicationFacts, type Obstacle, productionObstacles, type RuleSettings } from '../../../chatops/index.ts'
import type { Environment } from '../../../flags/index.ts'
import type { ChatOpsDependencies } from '../context/dependencies.ts'
import type { Run } from '../context/principal.ts'

/** Queries the open alarms of guards in an environment, as text. */
export type AlarmSource = (environment: Environment) => Promise<readonly string[]>

/** What blocks a change of an environment at this moment. */
export async function currentObstacles(
  dependencies: Pick<ChatOpsDependencies, 'gateways' | 'feed'>,
  rules: RuleSettings,
  environment: Environment,
  alarms: AlarmSource,
): Promise<readonly Obstacle[]> {
  const all = await dependencies.gateways.all()
  const { cache } = dependencies.feed
  // An application that was moved back is no reason to wait.
  const isMoved = ({ id }: { readonly id: number }) => cache.isFlagOn(environment, id)
  const shown = (facts: ApplicationFacts): ApplicationFacts => {
    const application = cache.application(facts.id)
    return application ? { ...facts, shown: applicationInWords(application) } : facts
  }
  const facts = {
    gateways: all
      .filter((gateway) => gateway.environment === environment)
      .map((gateway) => ({ ...gateway, applications: (gateway.applications ?? []).filter(isMoved).map(shown) })),
    brake: cache.brake(environment),
    alarms: await alarms(environment),
    now: Date.now(),
  }
  return productionObstacles(facts, rules)
}

/**
 * Repeats the check until nothing blocks the change, something blocks it that waiting cannot resolve, or the time limit
 * is reached. Notifies the person once that it waits. Resolves to the remaining obstacles as text; empty if there are
 * none.
 */
export async function waitForFreeWay(
  look: () => Promise<readonly Obstacle[]>,
  { productionCheck: { waitMs, pollMs } }: RuleSettings,
  run: Run,
): Promise<readonly string[]> {
  const until = performance.now() + waitMs
  for (let isFirst = true; ; isFirst = false) {
    const obstacles = await look()
    const isHopeless = obstacles.some(({ mayPass }) => !mayPass)
    if (obstacles.length === 0 || isHopeless || performance.now() >= until || run.signal.aborted) {
      return obstacles.map(({ what }) => what)
    }
    if (isFirst) {
      const seconds = Math.ceil(waitMs / 1_000)
      const reasons = obstacles.map(({ what }) => what).join('; ')
      await run.progress(`Production check initiated, this may take up to ${seconds} seconds: ${reasons}`)
    }
    await sleep(Math.min(pollMs, Math.max(0, until - performance.now())), undefined, { signal: run.signal }).catch(
      () => {},
    )
  }
}
