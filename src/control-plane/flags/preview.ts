import { z } from 'zod'
import { conditionOf, ENVIRONMENTS } from '../../flags/index.ts'
import { faultsInWords } from '../requests/problems.ts'
import type { StateCache } from '../state/state-cache.ts'
import { type ChangeAction, neededConfirmation } from './confirmation.ts'
import type { FlagOutcome, FlagWrite } from './flag-writes.ts'
import { impactInWords, impactOf, rehearsalInWords } from './impact.ts'
import { namedStateInWords, notesInWords } from './notes.ts'
import { passwordWarnings, type WarningSources } from './password-grant.ts'

/** The API's answer to a dry run: what a change would do. */
export const previewSchema = z.object({
  dry_run: z.literal(true),
  name: z.string(),
  environment: z.enum(ENVIRONMENTS),
  /**
   * The current version of the flag; null for one that is not set. Send it as `if_version` to change no other state.
   */
  version: z.int().nullable(),
  before: z.string().describe('The current state, in words'),
  after: z.string().describe('The resulting state, in words'),
  after_state: z.enum(['on', 'conditional', 'off']).describe('The resulting state, in one word'),
  impact: z.object({
    to_iam: z.int(),
    to_rails: z.int(),
    waiting: z.int().describe('Number that would move once IAM holds their current version'),
  }),
  confirm: z.int().nullable().describe('The value of `confirm` that the change requires; null if it requires none'),
  notes: z.array(z.string()).describe('The applications that would move, and other consequences'),
  warnings: z.array(z.string()).optional().describe('What may break for the applications that would move'),
})
export type Preview = z.infer<typeof previewSchema>

/** Renders a dry run of a write. */
export function previewOf(
  cache: StateCache,
  write: Pick<FlagWrite, 'environment' | 'name' | 'mustSay'>,
  action: ChangeAction,
  outcome: Extract<FlagOutcome, { kind: 'rehearsed' }>,
): Preview {
  const { environment, name } = write
  const otherwise = cache.defaultState(environment, name)
  const [before, after] = [outcome.before ?? otherwise, outcome.after ?? otherwise]
  const impact = impactOf(cache, name, before, after)
  const missing = write.mustSay?.(outcome.before, outcome.after) ?? []
  return {
    ...{ dry_run: true, name, environment, version: outcome.version },
    before: namedStateInWords(cache, before),
    after: namedStateInWords(cache, after),
    after_state: conditionOf(after),
    impact: { to_iam: impact.toIam.length, to_rails: impact.toRails.length, waiting: impact.waiting },
    confirm: neededConfirmation(action, environment, impact) ?? null,
    notes: [
      ...notesInWords(cache, outcome.optOutChanges),
      ...rehearsalInWords(name, impact),
      ...(missing.length > 0 ? [`would be refused: ${faultsInWords(missing)}`] : []),
    ],
  }
}

/** Warns of what may break for the applications that a write moves or would move. */
export async function moveWarnings(
  sources: WarningSources & { readonly feed: { readonly cache: StateCache } },
  { environment, name }: Pick<FlagWrite, 'environment' | 'name'>,
  outcome: FlagOutcome,
): Promise<string[]> {
  if (outcome.kind !== 'written' && outcome.kind !== 'rehearsed') return []
  const { cache } = sources.feed
  const otherwise = cache.defaultState(environment, name)
  const { toIam } = impactOf(cache, name, outcome.before ?? otherwise, outcome.after ?? otherwise)
  return passwordWarnings(sources, environment, toIam)
}

/** What a write did in addition to what it names, and which applications it moved. Empty if it changed nothing. */
export function doneInWords(
  cache: StateCache,
  { environment, name }: Pick<FlagWrite, 'environment' | 'name'>,
  outcome: FlagOutcome,
): string[] {
  if (outcome.kind !== 'written') return []
  const otherwise = cache.defaultState(environment, name)
  const impact = impactOf(cache, name, outcome.before ?? otherwise, outcome.after ?? otherwise)
  return [...notesInWords(cache, outcome.optOutChanges), ...impactInWords(impact)]
}
