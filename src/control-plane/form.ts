/** Name-value pairs in the order in which they came. */
export type Pairs = ReadonlyArray<readonly [name: string, value: string]>

const MAX_PAIRS = 1_000

/**
 * Reads `application/x-www-form-urlencoded` text strictly (WHATWG URL §5.1, but without its repairs). Undefined for
 * broken percent-encoding, for what is not UTF-8, for NUL, and for more pairs than anybody needs.
 */
export function parsePairs(text: string): Pairs | undefined {
  const pairs: Array<readonly [string, string]> = []
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('&', start) < 0 ? text.length : text.indexOf('&', start)
    const pair = text.slice(start, end)
    start = end + 1
    if (pair === '') continue
    if (pairs.length === MAX_PAIRS) return undefined
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    const value = decode(equals < 0 ? '' : pair.slice(equals + 1))
    if (name === undefined || value === undefined) return undefined
    pairs.push([name, value])
  }
  return pairs
}

function decode(part: string): string | undefined {
  try {
    const text = decodeURIComponent(part.replaceAll('+', ' '))
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}
