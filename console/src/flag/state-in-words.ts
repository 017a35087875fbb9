import type { FlagDocument } from '../api/documents.ts'
import { counted } from '../format/numbers.ts'

export type Gates = FlagDocument['environments'][number]['gates']

/** The gates of a state in a few words; null is a flag that is not set. */
export function stateInWords(state: Gates | null): string {
  if (state === null) return 'not set'
  const gates = [
    ...(state.boolean ? ['on for all'] : []),
    ...(state.percentage_of_actors > 0 ? [`on for ${state.percentage_of_actors} % of applications`] : []),
    ...(state.percentage_of_time > 0 ? [`on for ${state.percentage_of_time} % of the time`] : []),
    ...(state.actors.length > 0 ? [`on for ${counted(state.actors.length, 'application')}`] : []),
    ...(state.feature_groups.length > 0 ? [`on for ${counted(state.feature_groups.length, 'feature group')}`] : []),
  ]
  const out = state.opted_out.length > 0 ? [`${counted(state.opted_out.length, 'application')} opted out`] : []
  return [...(gates.length > 0 ? gates : ['off']), ...out].join(', ')
}

/** How the environments stand to each other, as one sentence. */
export function differenceInWords(environments: FlagDocument['environments']): string {
  const byWords = Map.groupBy(environments, ({ in_words: words }) => words)
  if (byWords.size <= 1) return `The same in every environment: ${environments[0]?.in_words ?? 'not set'}.`
  const groups = [...byWords].sort(([, a], [, b]) => a.length - b.length)
  const parts = groups.map(([words, those]) => {
    const names = those.map(({ environment }) => environment)
    return `${names.length <= 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`}: ${words}`
  })
  return `The environments differ. ${parts.map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}.`).join(' ')}`
}
