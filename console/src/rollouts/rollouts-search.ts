/** Which rollouts the list shows: those in progress, those that ended, or all. */
export type Shown = 'active' | 'ended' | 'all'

/** What the address of the list says. */
export interface RolloutsSearch {
  readonly show?: Shown
}

/** Reads the address of the list; without a word it shows all. */
export function readRolloutsSearch({ show }: Readonly<Record<string, unknown>>): RolloutsSearch {
  return show === 'active' || show === 'ended' ? { show } : {}
}
