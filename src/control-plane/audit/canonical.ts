import { createHash } from 'node:crypto'

/**
 * JSON with the members of each object in the order of their UTF-16 code units and without white space (RFC 8785).
 * Values that JSON omits, such as undefined, are omitted here too.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, each: unknown) => (isPlain(each) ? sorted(each) : each))
}

/** SHA-256 of the canonical JSON of a value, in lower-case hexadecimal. */
export function canonicalHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value), 'utf8').digest('hex')
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function sorted(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  // JavaScript moves names that look like array indices to the front; entries have none.
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
