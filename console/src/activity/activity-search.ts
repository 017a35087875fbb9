/** What the address of the activity says. */
export interface ActivitySearch {
  /** `environment`: only what concerns the environment of the page. Without it, everything. */
  readonly scope?: 'environment'
  readonly by?: string
  readonly subject?: string
  readonly action?: string
  readonly correlation_id?: string
  /** The first day, as `2026-11-23`. */
  readonly since?: string
  /** The last day. */
  readonly until?: string
}

const WORDS = ['by', 'subject', 'action', 'correlation_id'] as const
const DAYS = ['since', 'until'] as const

/** Reads the address of the activity; what it does not know, it leaves out. */
export function readActivitySearch(search: Readonly<Record<string, unknown>>): ActivitySearch {
  const found: Record<string, string> = {}
  for (const name of WORDS) {
    const value = search[name]
    if (typeof value === 'string' && value !== '') found[name] = value.slice(0, 255)
  }
  for (const name of DAYS) {
    const value = search[name]
    if (typeof value === 'string' && isDay(value)) found[name] = value
  }
  return { ...found, ...(search['scope'] === 'environment' ? { scope: 'environment' } : {}) }
}

/** The filter as the API takes it: it excludes its end, so the last day ends with the next one. Days are local ones. */
export function filterOf({ scope, since, until, ...words }: ActivitySearch, environment: string) {
  return {
    ...words,
    environment: scope === 'environment' ? environment : undefined,
    since: since === undefined ? undefined : startOfDay(since, 0),
    until: until === undefined ? undefined : startOfDay(until, 1),
  }
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(new Date(`${text}T00:00`).getTime())
}

function startOfDay(day: string, later: number): string {
  const date = new Date(`${day}T00:00`)
  date.setDate(date.getDate() + later)
  return date.toISOString()
}
