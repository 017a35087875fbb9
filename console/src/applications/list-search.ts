/** What the list can be sorted by; trouble comes first unless the address says otherwise. */
export type ListSort = 'trouble' | 'name' | 'traffic'

/** What the address of the list of applications says. */
export interface ListSearch {
  readonly search?: string
  readonly side?: 'rails' | 'iam'
  readonly failing?: 'true'
  readonly sort?: ListSort
  readonly order?: 'asc' | 'desc'
}

/** Reads the address of the list; what it does not know, it leaves out. */
export function readListSearch(address: Readonly<Record<string, unknown>>): ListSearch {
  const { search, side, failing, sort, order } = address
  return {
    ...(typeof search === 'string' && search !== '' ? { search: search.slice(0, 255) } : {}),
    ...(side === 'rails' || side === 'iam' ? { side } : {}),
    ...(failing === 'true' ? { failing } : {}),
    ...(sort === 'trouble' || sort === 'name' || sort === 'traffic' ? { sort } : {}),
    ...(order === 'asc' || order === 'desc' ? { order } : {}),
  }
}

/** The order in which the list is shown. */
export function orderOf({ sort = 'trouble', order }: ListSearch): { sort: ListSort; order: 'asc' | 'desc' } {
  return { sort, order: order ?? (sort === 'name' ? 'asc' : 'desc') }
}

/** The order after a click on a column: its natural one, or the opposite if it is in force already. */
export function nextOrder(search: ListSearch, sort: ListSort): { sort: ListSort; order: 'asc' | 'desc' } {
  const now = orderOf(search)
  if (now.sort !== sort) return orderOf({ sort })
  return { sort, order: now.order === 'asc' ? 'desc' : 'asc' }
}
