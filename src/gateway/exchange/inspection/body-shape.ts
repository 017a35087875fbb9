/** Longer lists and deeper objects say no more about the shape of a response. */
const MOST_MEMBERS = 64

/**
 * Describes a JSON response without its values: the names and types of its members, the format and class of length of
 * tokens, the class of lifetimes, and the set of scopes. Two responses with one description look alike to a client.
 */
export function bodyShape(document: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(document).sort().slice(0, MOST_MEMBERS)
  return names.map((name) => `${name}:${memberShape(name, document[name])}`).join(',')
}

function memberShape(name: string, value: unknown): string {
  if (name === 'scope') return `${typeOf(value)} ${String(value).split(/[ ,]/).sort().join(' ')}`
  if (typeof value === 'string' && name.endsWith('_token')) return `${formatOf(value)}${lengthClass(value.length)}`
  if (name.endsWith('expires_in')) return `${typeOf(value)}${lengthClass(Number(value))}`
  return typeOf(value)
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'list' : typeof value
}

function formatOf(token: string): string {
  return token.split('.').length === 3 ? 'jwt' : 'opaque'
}

/** The power of two at or below; signed tokens differ in length from one to the next. */
function lengthClass(size: number): number {
  return size >= 1 ? Math.floor(Math.log2(size)) : 0
}
