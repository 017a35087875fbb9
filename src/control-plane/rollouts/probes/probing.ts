import type { Environment } from '../../../flags/index.ts'
import type { Log } from '../../../observability/index.ts'
import type { ChangeFeed } from '../../state/feed.ts'
import type { Store } from '../../state/store.ts'
import { createDrillGuards } from './drill-guards.ts'
import { type DrillName, latestDrill, type StoredDrill, storeDrill } from './drill-store.ts'
import { failOpenDrill } from './fail-open-drill.ts'
import { type DrilledGuards, type GuardDrill, guardDrill } from './guard-drill.ts'
import { followMoves, isAnyOn } from './moves.ts'
import { latestProbes, type StoredProbe } from './probe-store.ts'
import { createProbeRunner, type ProbeReport, type ProbeRequest } from './probes.ts'
import { scheduleProbes } from './scheduled-probes.ts'
import type { ProbeSettings } from './settings.ts'
import { createTwins, type KnownTwin, type Twins } from './twins.ts'

/** A drill proves the system as it was; after this time it has to be repeated. */
const DRILL_LIFETIME_MS = 7 * 24 * 3_600_000
/** How many requested runs may wait for each other. */
const MAX_WAITING = 8

/** A drill that still counts. */
export interface PassedDrill {
  readonly passedAt: Date
  readonly outcomes: number
  readonly iamVersion: string | undefined
}

/** The probes and drills of the environment that this control plane decides for. */
export interface Probing {
  readonly environment: Environment
  readonly twins: Twins
  /** Runs one after the other; resolves with `busy` when too many wait, and `off` without configured probes. */
  run(request: ProbeRequest): Promise<ProbeReport | 'busy' | 'off'>
  latest(): Promise<readonly StoredProbe[]>
  /** Runs a drill with a twin, by default the first that is for drills, and stores its result. */
  drill(name: DrillName, by: string, twin?: KnownTwin): Promise<StoredDrill | 'busy' | 'off'>
  latestDrill(name: DrillName): Promise<StoredDrill | undefined>
  /** Why no drill can run in an environment; undefined where one can. */
  noDrillBecause(environment: Environment): string | undefined
  /**
   * The last drill, if it passed, is not older than 7 days and was made with the version of IAM that runs now;
   * undefined otherwise, and for another environment.
   */
  currentDrill(environment: Environment, name: DrillName): Promise<PassedDrill | undefined>
  close(): Promise<void>
}

/** What the probes of a control plane work with. */
export interface ProbingParts {
  readonly environment: Environment
  readonly store: Store
  readonly feed: ChangeFeed
  readonly leadership: { readonly isLeader: boolean }
  /** The version of the running IAM; undefined for one that does not tell. */
  readonly iamVersion: () => Promise<string | undefined>
  /** The running guards; undefined: a guard of the drill's own judges what the probes see. */
  readonly guards?: (() => DrilledGuards) | undefined
  readonly log: Log
}

/** Starts the probes; without settings there are no twins, nothing runs and no drill counts. */
export function openProbing(settings: ProbeSettings | undefined, parts: ProbingParts): Probing {
  const { environment, store, feed, leadership, log, guards, iamVersion } = parts
  const { database, schema } = store
  const twins = createTwins(settings?.twins ?? [], { store, cache: () => feed.cache })
  const runner = settings && createProbeRunner(settings, { environment, database, schema })
  const hasMoved = isAnyOn(feed, environment)
  const schedule = settings && runner && scheduleProbes(settings, { runner, twins, leadership, hasMoved, log })
  const unfollow = schedule && followMoves({ feed, environment, log }, schedule)
  const turns = createTurns()
  const drilledTwin = () => twins.known().find(({ isForDrills }) => isForDrills)
  const last = (name: DrillName) => latestDrill(database, schema, environment, name)
  return {
    environment,
    twins,
    latestDrill: last,
    run: async (request) => (runner === undefined ? 'off' : turns.take(() => runner.run(request))),
    latest: () => latestProbes(database, schema, environment),
    noDrillBecause(of) {
      if (of !== environment) return `this control plane probes ${environment} only`
      if (settings === undefined) return 'no twin applications are configured'
      return drilledTwin() === undefined ? 'no twin application is known that is for drills' : undefined
    },
    async drill(name, by, given) {
      const twin = given ?? drilledTwin()
      if (runner === undefined || twin === undefined) return 'off'
      return turns.take(async () => {
        const version = await iamVersion()
        const result =
          name === 'fail_open'
            ? await failOpenDrill(runner, twin, version)
            : await drillWith(guards?.(), { environment, runner, twin, iamVersion: version })
        const stored = await storeDrill(database, schema, { environment, drill: name, by }, result)
        log.info({ drill: name, by, has_passed: result.hasPassed, outcomes: result.outcomes }, 'drill')
        return stored
      })
    },
    async currentDrill(of, name) {
      if (of !== environment) return undefined
      const found = await last(name)
      if (found === undefined || !found.hasPassed) return undefined
      if (Date.now() - found.at.getTime() > DRILL_LIFETIME_MS) return undefined
      if (found.iamVersion !== (await iamVersion())) return undefined
      return { passedAt: found.at, outcomes: found.outcomes, iamVersion: found.iamVersion }
    },
    async close() {
      unfollow?.()
      runner?.close()
      await schedule?.close()
      await turns.idle()
    },
  }
}

/** The drill with the running guards, or with one of its own that judges what the probes see. */
function drillWith(guards: DrilledGuards | undefined, drill: Omit<GuardDrill, 'guards'>) {
  if (guards !== undefined) return guardDrill({ ...drill, guards })
  const own = createDrillGuards()
  const observed: GuardDrill['runner'] = {
    async try(one, mark) {
      const results = await drill.runner.try(one, mark)
      own.observe(drill.twin.applicationId, results)
      return results
    },
  }
  return guardDrill({ ...drill, runner: observed, guards: own })
}

/** Work that runs one after the other. */
interface Turns {
  /** Resolves with `busy`, and does not run, while too much waits. */
  take<T>(work: () => Promise<T>): Promise<T | 'busy'>
  /** Resolves when nothing waits. */
  idle(): Promise<unknown>
}

function createTurns(): Turns {
  let line: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return {
    idle: () => line,
    async take(work) {
      if (waiting >= MAX_WAITING) return 'busy'
      waiting++
      const turn = line.then(work)
      line = turn.catch(() => {})
      return turn.finally(() => waiting--)
    },
  }
}
