/** What the address of the list of applications says. */
export interface ListSearch {
  readonly search?: string
  readonly side?: 'rails' | 'iam'
  readonly failing?: 'true'
}

/** Reads the address of the list; what it does not know, it leaves out. */
export function readListSearch({ search, side, failing }: Readonly<Record<string, unknown>>): ListSearch {
  return {
    ...(typeof search === 'string' && search !== '' ? { search: search.slice(0, 255) } : {}),
    ...(side === 'rails' || side === 'iam' ? { side } : {}),
    ...(failing === 'true' ? { failing } : {}),
  }
}
