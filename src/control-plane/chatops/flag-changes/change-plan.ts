import type { FeatureDelete, FeatureSet, RuleSettings } from '../../../chatops/index.ts'
import type { Environment, FlagChange, FlagState } from '../../../flags/index.ts'
import { readFeatureRequest } from '../../flags/feature-request.ts'
import { stateAfter } from '../../flags/flag-writes.ts'
import { refusalOfPartialDefault } from '../../flags/iam-by-default.ts'
import { type Moves, movesBetween } from '../../flags/moves.ts'
import { notesInWords } from '../../flags/notes.ts'
import { passwordWarnings } from '../../flags/password-grant.ts'
import { defaultState } from '../../state/view.ts'
import type { AlarmSource } from '../checks/production-check.ts'
import type { Ground } from '../context/ground.ts'

/** The dependencies of changing a flag through ChatOps. */
export interface ChangeTools {
  readonly plane: Ground
  readonly rules: RuleSettings
  readonly alarms: AlarmSource
}

/** A command that changes a flag. */
export type ChangeCommand = FeatureSet | FeatureDelete

/** The planned change of one environment: nothing has been written. */
export interface Plan {
  readonly environment: Environment
  readonly command: ChangeCommand
  readonly changes: readonly FlagChange[]
  readonly before: FlagState
  readonly after: FlagState
  /** What the change does in addition to what it names, in sentences. */
  readonly notes: readonly string[]
  readonly moves: Moves
  /** What may break for the applications that move, in sentences. */
  readonly warnings: readonly string[]
  /** The version that the flag must still have when it is written. */
  readonly version: number
}

/** Plans a change in one environment from its current state. */
export async function planChange(
  { plane }: ChangeTools,
  command: ChangeCommand,
  environment: Environment,
): Promise<Plan | { readonly refused: string }> {
  await plane.feed.catchUp()
  const { view } = plane.feed
  const { definitions } = plane
  const { flag } = command
  const stored = view.storedFlags(environment).get(flag)
  const before = stored?.state ?? defaultState(definitions, environment, flag)
  const common = { environment, command, before, version: stored?.version ?? 0 }
  if (command.kind === 'feature_delete') {
    const early = await refusalOfPartialDefault(plane, environment, flag)
    if (early !== undefined) return { refused: early }
    const after = defaultState(definitions, environment, flag)
    const moves = movesBetween(view, flag, before, after)
    const warnings = await passwordWarnings(plane, environment, moves.toIam)
    return { ...common, changes: [], after, notes: [], moves, warnings }
  }
  const parameters = new Map(Object.entries({ ...command.parameters, environment }))
  const read = readFeatureRequest(flag, parameters, {
    definitions,
    applicationById: (id) => view.application(id),
    applicationByClientId: (clientId) => view.applicationByClientId(clientId),
  })
  if ('fault' in read) return { refused: read.fault }
  const result = stateAfter(definitions, { environment, name: flag }, stored?.state ?? null, read.changes)
  if ('refused' in result) return result
  const after = result.state
  const moves = movesBetween(view, flag, before, after)
  const warnings = await passwordWarnings(plane, environment, moves.toIam)
  return { ...common, changes: read.changes, after, notes: notesInWords(view, result.effects), moves, warnings }
}
