/** What the address of a flag's page says, besides the flag. */
export interface FlagSearch {
  /** The id or client_id of the application for which the flag is previewed. */
  readonly application?: string
}

/** Reads the address of a flag's page. */
export function readFlagSearch({ application }: Readonly<Record<string, unknown>>): FlagSearch {
  return typeof application === 'string' && application !== '' ? { application: application.slice(0, 255) } : {}
}
