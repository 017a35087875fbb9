/** What the address of the explanation says. A request may hold secrets, so it never stands in the address. */
export interface ExplainSearch {
  /** Client ids or a correlation id, as they were pasted. */
  readonly ask?: string
  /** Another state under which the decision is tried: `brake`, `all`, or a percentage. */
  readonly assume?: string
}

const LONGEST = 4_000

/** Reads the address of the explanation; what it does not know, it leaves out. */
export function readExplainSearch({ ask, assume }: Readonly<Record<string, unknown>>): ExplainSearch {
  return {
    ...(typeof ask === 'string' && ask.trim() !== '' ? { ask: ask.slice(0, LONGEST) } : {}),
    ...(typeof assume === 'string' && assumptionOf(assume) !== undefined ? { assume } : {}),
  }
}

/** Another state than the present one, as the API takes it. */
export interface Assumption {
  readonly brake?: boolean
  readonly everyone?: boolean
  readonly percentage_of_actors?: number
}

/** The assumption that the address names; undefined for none. */
export function assumptionOf(text: string | undefined): Assumption | undefined {
  if (text === 'brake') return { brake: true }
  if (text === 'all') return { brake: false, everyone: true }
  if (text === undefined || !/^(?:100|\d{1,2})(?:\.\d{1,3})?$/.test(text)) return undefined
  return Number(text) > 100 ? undefined : { brake: false, percentage_of_actors: Number(text) }
}

/** The assumption in words, as it completes "with …". */
export function assumptionInWords(text: string): string {
  if (text === 'brake') return 'the brake on'
  if (text === 'all') return 'the flag on for all'
  return `the flag on for ${Number(text)} % of applications`
}
