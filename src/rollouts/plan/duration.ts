const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** How durations are written: a whole number and a unit, such as `15m`, `24h` or `2d`. */
export const DURATION = /^(\d{1,6})(ms|s|m|h|d)$/

/** The error message for any other text. */
export const DURATION_RULE = 'must be a number and a unit: ms, s, m, h or d, such as 15m or 24h'

/** A duration in milliseconds; `text` must match {@link DURATION}. */
export function durationOf(text: string): number {
  const [, count = '', unit = ''] = DURATION.exec(text) ?? []
  return Number(count) * (UNITS[unit] ?? Number.NaN)
}

/** A duration in the largest unit that divides it, as a plan writes it. */
export function durationInWords(ms: number): string {
  const [unit = 'ms', size = 1] = Object.entries(UNITS).findLast(([, size]) => ms % size === 0 && ms >= size) ?? []
  return `${ms / size}${unit}`
}

/** About how long, for people: rounded up to minutes, hours or days with at most two figures. */
export function aboutInWords(ms: number): string {
  if (ms < 60_000) return `${Math.ceil(ms / 1_000)} s`
  if (ms < 90 * 60_000) return `${Math.ceil(ms / 60_000)} min`
  if (ms < 48 * 3_600_000) return `${Math.ceil(ms / 3_600_000)} h`
  return `${Math.ceil(ms / 86_400_000)} days`
}
