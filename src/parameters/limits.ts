/** Maximum number of parameters that Rack accepts in one query or body, also used for the elements of JSON. */
export const MAX_PARAMETERS = 4_096
/** Maximum number of members of all JSON objects of one body: building an object takes longer than building a list. */
export const MAX_MEMBERS = 1_024
/** Maximum total length of the names in one query or body, as sent; Rack 2 has the same limit for distinct names. */
const MAX_NAME_BYTES = 64 << 10
/** Maximum nesting of Rack 2 and Ruby's JSON. */
export const MAX_DEPTH = 100

/** The characters that separate two parameters: only `&` in a form, also the semicolon in a query of Rack 2. */
export type Separators = '&' | '&;'

/**
 * Whether a query or form has at most {@link MAX_PARAMETERS}, counted by separators as Rack does, so that empty ones
 * count, and at most {@link MAX_NAME_BYTES} of names, which are slow to process if nested.
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
