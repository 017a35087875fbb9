const SHAPE = /^(?:0|[1-9]\d{0,2})(?:\.\d{1,3})?$/

/** The format of a percentage, for error messages. */
export const PERCENTAGE_RULE =
  'a percentage is a number from 0 to 100 with at most three decimals, such as 1, 12.5 or 0.001'

/**
 * Reads a percentage as typed: plain decimal digits, 0 to 100, at most three decimals (Flipper's buckets are no finer).
 * Undefined for anything else: signs, exponents, blanks and trailing text are invalid.
 */
export function parsePercentage(text: string): number | undefined {
  if (!SHAPE.test(text)) return undefined
  const value = Number(text)
  return value <= 100 ? value : undefined
}
