import type { Range } from '../api/queries.ts'

/** What the address of the overview says. */
export interface OverviewSearch {
  readonly range?: Range
}

/** Reads the address of the overview; without a range it is the last hour. */
export function readOverviewSearch({ range }: Readonly<Record<string, unknown>>): OverviewSearch {
  return range === 'day' || range === 'week' || range === 'hour' ? { range } : {}
}
