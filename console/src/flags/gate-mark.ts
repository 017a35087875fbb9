import type { FeatureDocument } from '../api/documents.ts'
import { counted } from '../format/numbers.ts'
import type { Condition } from '../parts/badges/condition.tsx'

/** A flag of an environment in a word or two, with its mark. */
export function gateMark({ state, gates }: Pick<FeatureDocument, 'state' | 'gates'>): {
  readonly condition: Condition
  readonly words: string
} {
  if (state === 'off') return { condition: 'unknown', words: 'off' }
  if (state === 'on') return { condition: 'set', words: 'on' }
  const words = gates.flatMap(({ key, value }) => {
    if (key === 'percentage_of_actors') return [`${value} %`]
    if (key === 'percentage_of_time') return [`${value} % of the time`]
    if (key === 'groups' && Array.isArray(value)) return [counted(value.length, 'group')]
    if (key !== 'actors' || !Array.isArray(value)) return []
    const out = value.filter((actor) => actor.endsWith(':opt_out')).length
    return [
      ...(value.length > out ? [counted(value.length - out, 'application')] : []),
      ...(out > 0 ? [`${out} opted out`] : []),
    ]
  })
  return {
    condition: 'pending',
    words: words.map((each) => each.replaceAll(' ', '\u00a0')).join(', ') || 'conditional',
  }
}
