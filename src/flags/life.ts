import { FLAG_TYPES, type FlagDefinition } from './definition.ts'

/** The age of a flag relative to the lifetime of its type. `until` is the day of its removal or next review. */
export type FlagLife =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'within' | 'stale' | 'review_due'; readonly since: Date; readonly until: Date }

/**
 * Compares a flag's age with the lifetime of its type.
 *
 * @param firstChange when the flag was first set anywhere: the start of its lifetime without `introduced_at`
 */
export function lifeOf(definition: FlagDefinition, firstChange: Date | undefined, now: Date): FlagLife {
  const { introduced_at: day, type } = definition
  const since = day == null ? firstChange : new Date(`${day}T00:00:00Z`)
  if (since === undefined) return { kind: 'unknown' }
  const { lifeMonths, reviewMonths } = FLAG_TYPES[type]
  const until = monthsAfter(since, lifeMonths ?? reviewMonths ?? 0)
  if (now < until) return { kind: 'within', since, until }
  return { kind: lifeMonths === undefined ? 'review_due' : 'stale', since, until }
}

/** The same day of a later month, or the last day of that month. */
function monthsAfter(day: Date, months: number): Date {
  const later = new Date(day)
  later.setUTCDate(1)
  later.setUTCMonth(later.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(later.getUTCFullYear(), later.getUTCMonth() + 1, 0)).getUTCDate()
  later.setUTCDate(Math.min(day.getUTCDate(), lastDay))
  return later
}
