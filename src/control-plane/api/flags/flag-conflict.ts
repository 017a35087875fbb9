import type { FlagState } from '../../../flags/index.ts'
import type { ControlContext } from '../../control-context.ts'
import { gatesInFewWords } from '../../explain/status.ts'
import { type FlagOutcome, type FlagWrite, flagHistory } from '../../flags/flag-writes.ts'
import type { Conflict } from '../../requests/problems.ts'

/** How far back the state is looked up on which a refused change was decided. */
const MOST_CHANGES = 100

/** Both states of a flag that someone else changed first; undefined for any other outcome. */
export async function flagConflict(
  { store, feed: { cache } }: Pick<ControlContext, 'store' | 'feed'>,
  { environment, name, ifVersion = 0 }: FlagWrite,
  outcome: FlagOutcome,
): Promise<Conflict | undefined> {
  if (outcome.kind !== 'conflict') return undefined
  const history = await flagHistory(store, environment, name, MOST_CHANGES)
  const inWords = (state: FlagState | null) => gatesInFewWords(cache, state ?? cache.defaultState(environment, name))
  const [newest] = history
  const decided = history.find(({ version }) => version <= ifVersion)
  const isBeforeAll = decided === undefined && history.length < MOST_CHANGES
  return {
    decided_on: {
      version: ifVersion,
      in_words:
        decided === undefined ? (isBeforeAll ? inWords(history.at(-1)?.before ?? null) : null) : inWords(decided.after),
    },
    current: {
      version: outcome.version,
      in_words: inWords(newest?.after ?? null),
      changed_by: newest?.changed_by ?? null,
      changed_at: newest?.changed_at.toISOString() ?? null,
    },
  }
}
