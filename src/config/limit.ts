const SECONDS = { s: 1, m: 60, h: 3_600 } as const

/** Reads a limit such as `20/10m`: a count per number of seconds (`s`), minutes (`m`) or hours (`h`), at most a day. */
export function parseLimit(text: string): { readonly count: number; readonly seconds: number } | undefined {
  const [, count, number, unit] = /^([1-9]\d{0,6})\/([1-9]\d{0,4})?([smh])$/.exec(text) ?? []
  const seconds = Number(number ?? 1) * SECONDS[unit as keyof typeof SECONDS]
  return seconds <= 86_400 ? { count: Number(count), seconds } : undefined
}
