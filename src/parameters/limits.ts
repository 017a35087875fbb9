/** As many parameters as Rack takes in one query or body, and as many JSON members as we do. */
export const MAX_PARAMETERS = 4_096
/** How long the names of one query or body may be together, as they were sent; Rack 2 takes as much of those that differ. */
const MAX_NAME_BYTES = 64 << 10
/** As deep as Rack 2 and Ruby's JSON nest. */
export const MAX_DEPTH = 100

/** The characters that part two parameters: a form knows `&` alone, a query of Rack 2 the semicolon too. */
export type Separators = '&' | '&;'

/**
 * Whether a query or form holds at most {@link MAX_PARAMETERS}, counted by separators as Rack does, so that empty ones
 * count, and {@link MAX_NAME_BYTES} of names, which are the slow part where they are nested.
 */
export function isFormWithin(text: string, separators: Separators): boolean {
  const left = countDown(text, '&', MAX_PARAMETERS)
  return left > 0 && (separators === '&' || countDown(text, ';', left) > 0) && areNamesWithin(text)
}

function areNamesWithin(text: string): boolean {
  if (text.length <= MAX_NAME_BYTES) return true
  let left = MAX_NAME_BYTES
  let equals = -1
  for (let start = 0; start < text.length && left >= 0; ) {
    const separator = text.indexOf('&', start)
    const end = separator < 0 ? text.length : separator
    if (equals < start) equals = text.indexOf('=', start)
    if (equals < 0) equals = text.length
    left -= Math.min(equals, end) - start
    start = end + 1
  }
  return left >= 0
}

function countDown(text: string, separator: string, from: number): number {
  let left = from
  for (let at = text.indexOf(separator); at >= 0 && left > 0; at = text.indexOf(separator, at + 1)) left--
  return left
}
