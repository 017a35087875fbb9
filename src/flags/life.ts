import { FLAG_TYPES, type FlagDefinition } from './definition.ts'

/** Where a flag stands in the time that its type gives it. `until` is the day it should be gone, or looked at again. */
export type FlagLife =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'within' | 'stale' | 'review_due'; readonly since: Date; readonly until: Date }

/**
 * Judges a flag's age by the life time of its type.
 *
 * @param firstChange when the flag was first set anywhere: where its life begins if `introduced_at` does not say so
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

/** The same day of a later month, or that month's last day. */
function monthsAfter(day: Date, months: number): Date {
  const later = new Date(day)
  later.setUTCDate(1)
  later.setUTCMonth(later.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(later.getUTCFullYear(), later.getUTCMonth() + 1, 0)).getUTCDate()
  later.setUTCDate(Math.min(day.getUTCDate(), lastDay))
  return later
}
