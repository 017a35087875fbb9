import type { ScenarioRun } from './scenario-run.ts'
import type { Seed } from './seed.ts'

/** A scenario: the same sequence of requests for every server. */
export interface Scenario {
  readonly id: string
  readonly title: string
  readonly play: (t: ScenarioRun) => Promise<unknown>
  /** Races, and values that change with time: run, but not compared. */
  readonly volatile: boolean
}

/** Adds a scenario. Its id is that of the recording. */
export type Define = (
  id: string,
  title: string,
  play: Scenario['play'],
  nature?: { readonly volatile?: boolean },
) => void

/** Scenarios of one kind, for the applications and users of a seed. */
export type ScenarioSet = (scenario: Define, seed: Seed) => void

/** The scenarios of several sets, in order; throws if two have the same id. */
export function listScenarios(sets: readonly ScenarioSet[], seed: Seed): Scenario[] {
  const scenarios = new Map<string, Scenario>()
  const define: Define = (id, title, play, { volatile = false } = {}) => {
    if (scenarios.has(id)) throw new Error(`two scenarios are called ${id}`)
    scenarios.set(id, { id, title, play, volatile })
  }
  for (const set of sets) set(define, seed)
  return [...scenarios.values()]
}
