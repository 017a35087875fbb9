import type { FeatureDelete, FeatureSet, RuleSettings } from '../../../chatops/index.ts'
import type { Environment, FlagChange, FlagState } from '../../../flags/index.ts'
import { readFeatureRequest } from '../../flags/feature-request.ts'
import { stateAfter } from '../../flags/flag-writes.ts'
import { refusalOfPartialDefault } from '../../flags/iam-by-default.ts'
import { type Impact, impactOf } from '../../flags/impact.ts'
import { notesInWords } from '../../flags/notes.ts'
import { passwordWarnings } from '../../flags/password-grant.ts'
import { defaultState } from '../../state/state-cache.ts'
import type { AlarmSource } from '../checks/production-check.ts'
import type { ChatOpsDependencies } from '../context/dependencies.ts'

/** The dependencies of changing a flag through ChatOps. */
export interface ChangeTools {
  readonly dependencies: ChatOpsDependencies
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
  readonly impact: Impact
  /** What may break for the applications that move, in sentences. */
  readonly warnings: readonly string[]
  /** The version that the flag must still have when it is written. */
  readonly version: number
}

/** Plans a change in one environment from its current state. */
export async function planChange(
  { dependencies }: ChangeTools,
  command: ChangeCommand,
  environment: Environment,
): Promise<Plan | { readonly refused: string }> {
  await dependencies.feed.catchUp()
  const { cache } = dependencies.feed
  const { definitions } = dependencies
  const { flag } = command
  const stored = cache.storedFlags(environment).get(flag)
  const before = stored?.state ?? defaultState(definitions, environment, flag)
  const common = { environment, command, before, version: stored?.version ?? 0 }
  if (command.kind === 'feature_delete') {
    const early = await refusalOfPartialDefault(dependencies, environment, flag)
    if (early !== undefined) return { refused: early }
    const after = defaultState(definitions, environment, flag)
    const impact = impactOf(cache, flag, before, after)
    const warnings = await passwordWarnings(dependencies, environment, impact.toIam)
    return { ...common, changes: [], after, notes: [], impact, warnings }
  }
  const parameters = new Map(Object.entries({ ...command.parameters, environment }))
  const read = readFeatureRequest(flag, parameters, {
    definitions,
    applicationById: (id) => cache.application(id),
    applicationByClientId: (clientId) => cache.applicationByClientId(clientId),
  })
  if ('fault' in read) return { refused: read.fault }
  const result = stateAfter(definitions, { environment, name: flag }, stored?.state ?? null, read.changes)
  if ('refused' in result) return result
  const after = result.state
  const impact = impactOf(cache, flag, before, after)
  const warnings = await passwordWarnings(dependencies, environment, impact.toIam)
  return { ...common, changes: read.changes, after, notes: notesInWords(cache, result.optOutChanges), impact, warnings }
}
