import { decodeFormComponent, isFormWithin } from '../../parameters/index.ts'

/** Name-value pairs in the order in which they arrived. */
export type Pairs = ReadonlyArray<readonly [name: string, value: string]>

/** Why text could not be read, phrased to follow a subject. */
export interface PairsFault {
  readonly fault: string
}

const MAX_PAIRS = 1_000
const TOO_MANY: PairsFault = { fault: `holds more than ${MAX_PAIRS} parameters` }
const UNREADABLE: PairsFault = { fault: 'is not valid percent-encoded UTF-8' }

/**
 * Reads `application/x-www-form-urlencoded` text, one character per byte (latin1), strictly (WHATWG URL §5.1, but
 * without its repairs). Returns a fault for broken percent-encoding, invalid UTF-8, NUL, and more pairs than any
 * request needs.
 */
export function parsePairs(text: string): Pairs | PairsFault {
  const pairs: Array<readonly [string, string]> = []
  if (!isFormWithin(text, '&')) return TOO_MANY
  for (let start = 0; start < text.length; ) {
    const separator = text.indexOf('&', start)
    const end = separator < 0 ? text.length : separator
    const pair = text.slice(start, end)
    start = end + 1
    if (pair === '') continue
    if (pairs.length === MAX_PAIRS) return TOO_MANY
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    const value = decode(equals < 0 ? '' : pair.slice(equals + 1))
    if (name === undefined || value === undefined) return UNREADABLE
    pairs.push([name, value])
  }
  return pairs
}

function decode(part: string): string | undefined {
  const text = decodeFormComponent(part)
  return text?.includes('\0') ? undefined : text
}
