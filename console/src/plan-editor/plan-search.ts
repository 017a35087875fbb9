/** What the address of the editor says. */
export interface PlanSearch {
  /** The rollout whose plan the text begins with. */
  readonly from?: string
}

/** Reads the address of the editor. */
export function readPlanSearch({ from }: Readonly<Record<string, unknown>>): PlanSearch {
  return typeof from === 'string' && /^\d{1,10}$/.test(from) ? { from } : {}
}
