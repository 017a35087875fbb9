import type { ScenarioRun } from './scenario-run.ts'
import type { Seed } from './seed.ts'

/** A scenario: what is asked of a server, the same of every server. */
export interface Scenario {
  readonly id: string
  readonly title: string
  readonly play: (t: ScenarioRun) => Promise<unknown>
  /** Races, and values that tick: played, not compared. */
  readonly volatile: boolean
}

/** Adds a scenario. Ids are those of the recording. */
export type Define = (
  id: string,
  title: string,
  play: Scenario['play'],
  nature?: { readonly volatile?: boolean },
) => void

/** Scenarios of one kind, for the applications and users of a seed. */
export type ScenarioSet = (scenario: Define, seed: Seed) => void

/** The scenarios of some sets, in order; throws when two have one id. */
export function listScenarios(sets: readonly ScenarioSet[], seed: Seed): Scenario[] {
  const scenarios = new Map<string, Scenario>()
  const define: Define = (id, title, play, { volatile = false } = {}) => {
    if (scenarios.has(id)) throw new Error(`two scenarios are called ${id}`)
    scenarios.set(id, { id, title, play, volatile })
  }
  for (const set of sets) set(define, seed)
  return [...scenarios.values()]
}
