const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const SIGNIFICANT = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })

/**
 * Writes a number with at most three significant digits; a count below 10,000 in full, because a list with that many
 * entries stands behind it: `1,204`, `63.2`, `0.0312`, `124 k`, `1.24 M`.
 */
export function inFigures(value: number): string {
  if (!Number.isFinite(value)) return 'unknown'
  const size = Math.abs(value)
  if (size < 10_000) return Number.isInteger(value) || size >= 999.5 ? WHOLE.format(value) : SIGNIFICANT.format(value)
  if (size < 999_500) return `${SIGNIFICANT.format(value / 1e3)} k`
  if (size < 999_500_000) return `${SIGNIFICANT.format(value / 1e6)} M`
  return `${SIGNIFICANT.format(value / 1e9)} bn`
}

/** Writes a count in full, with separators: for confirmations, where no application may be hidden by rounding. */
export function inFull(count: number): string {
  return WHOLE.format(count)
}

/**
 * Writes a share from 0 to 1 as a percentage: `63 %`. A share that is not quite none or all never looks like it:
 * `under 0.1 %`, `over 99.9 %`.
 */
export function inPercent(share: number): string {
  if (!Number.isFinite(share)) return 'unknown'
  if (share > 0 && share < 0.001) return 'under 0.1 %'
  if (share < 1 && share > 0.999) return 'over 99.9 %'
  const percent = share * 100
  return `${SIGNIFICANT.format(percent >= 10 && percent < 99.5 ? Math.round(percent) : percent)} %`
}

/** Writes a duration in milliseconds in the unit that fits: `84 ms`, `1.2 s`, `38 min`, `5 h`, `3 days`. */
export function inDuration(ms: number): string {
  const size = Math.abs(ms)
  if (!Number.isFinite(ms)) return 'unknown'
  if (size < 999.5) return `${SIGNIFICANT.format(ms)} ms`
  if (size < 59_950) return `${SIGNIFICANT.format(ms / 1_000)} s`
  if (size < 3_600_000) return `${Math.max(1, Math.floor(ms / 60_000))} min`
  if (size < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`
  return `${Math.floor(ms / 86_400_000)} days`
}

/** A count with its noun in the right number: `1 application`, `1,240 applications`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${inFull(count)} ${count === 1 ? noun : plural}`
}

/** A sentence whose numbers and units stay on one line. */
export function keepUnits(sentence: string): string {
  return sentence.replaceAll(/(\d) (%|ms|s|min|h|days)(?![\w])/g, '$1\u00a0$2')
}

/** Text that is cut to a length with `…`, where the whole of it stands elsewhere: a client_id has 64 characters. */
export function inShort(text: string, most = 28): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
