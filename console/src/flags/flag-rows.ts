import type { Environment, FeatureDocument } from '../api/documents.ts'

/** A flag with its state in each environment. */
export interface FlagRow {
  readonly name: string
  readonly description: string | null
  readonly isDefined: boolean
  readonly in: Readonly<Partial<Record<Environment, FeatureDocument>>>
}

/** Gathers the documents of all environments by flag. */
export function rowsOf(documents: readonly FeatureDocument[]): FlagRow[] {
  const byName = Map.groupBy(documents, ({ name }) => name)
  return [...byName].map(([name, states]) => ({
    name,
    description: states[0]?.definition?.description ?? null,
    isDefined: states.some(({ definition }) => definition !== null),
    in: Object.fromEntries(states.map((state) => [state.environment, state])),
  }))
}
