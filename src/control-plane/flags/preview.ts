import { z } from 'zod'
import { conditionOf, ENVIRONMENTS } from '../../flags/index.ts'
import { faultsInWords } from '../requests/problems.ts'
import type { View } from '../state/view.ts'
import { type ChangeAction, neededConfirmation } from './confirmation.ts'
import type { FlagOutcome, FlagWrite } from './flag-writes.ts'
import { movesBetween, movesInWords, rehearsalInWords } from './moves.ts'
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
  before: z.string().describe('The state, in words'),
  after: z.string().describe('What it would become'),
  after_state: z.enum(['on', 'conditional', 'off']).describe('The same in one word'),
  moves: z.object({
    to_iam: z.int(),
    to_rails: z.int(),
    waiting: z.int().describe('Would move as soon as IAM holds their current version'),
  }),
  confirm: z.int().nullable().describe('What `confirm` must be for the change to be made; null when it needs none'),
  notes: z.array(z.string()).describe('Which applications would move, and what else the change would do'),
  warnings: z.array(z.string()).optional().describe('What may break for the applications that would move'),
})
export type Preview = z.infer<typeof previewSchema>

/** Renders a dry run of a write. */
export function previewOf(
  view: View,
  write: Pick<FlagWrite, 'environment' | 'name' | 'mustSay'>,
  action: ChangeAction,
  outcome: Extract<FlagOutcome, { kind: 'rehearsed' }>,
): Preview {
  const { environment, name } = write
  const otherwise = view.defaultState(environment, name)
  const [before, after] = [outcome.before ?? otherwise, outcome.after ?? otherwise]
  const moves = movesBetween(view, name, before, after)
  const missing = write.mustSay?.(outcome.before, outcome.after) ?? []
  return {
    ...{ dry_run: true, name, environment, version: outcome.version },
    before: namedStateInWords(view, before),
    after: namedStateInWords(view, after),
    after_state: conditionOf(after),
    moves: { to_iam: moves.toIam.length, to_rails: moves.toRails.length, waiting: moves.waiting },
    confirm: neededConfirmation(action, environment, moves) ?? null,
    notes: [
      ...notesInWords(view, outcome.effects),
      ...rehearsalInWords(name, moves),
      ...(missing.length > 0 ? [`would be refused: ${faultsInWords(missing)}`] : []),
    ],
  }
}

/** Warns of what may break for the applications that a write moves or would move. */
export async function moveWarnings(
  sources: WarningSources & { readonly feed: { readonly view: View } },
  { environment, name }: Pick<FlagWrite, 'environment' | 'name'>,
  outcome: FlagOutcome,
): Promise<string[]> {
  if (outcome.kind !== 'written' && outcome.kind !== 'rehearsed') return []
  const { view } = sources.feed
  const otherwise = view.defaultState(environment, name)
  const { toIam } = movesBetween(view, name, outcome.before ?? otherwise, outcome.after ?? otherwise)
  return passwordWarnings(sources, environment, toIam)
}

/** What a write did in addition to what it names, and which applications it moved. Empty if it changed nothing. */
export function doneInWords(
  view: View,
  { environment, name }: Pick<FlagWrite, 'environment' | 'name'>,
  outcome: FlagOutcome,
): string[] {
  if (outcome.kind !== 'written') return []
  const otherwise = view.defaultState(environment, name)
  const moves = movesBetween(view, name, outcome.before ?? otherwise, outcome.after ?? otherwise)
  return [...notesInWords(view, outcome.effects), ...movesInWords(moves)]
}
