/**
 * The places where clients keep tokens, by what they hold: database columns, and a cookie. Issuers choose the length of a
 * token freely within one, and signed tokens differ from one to the next.
 */
const PLACES = [255, 1_000, 2_000, 4_096]
/** Longer lists and deeper objects say no more about the shape of a response. */
const MOST_MEMBERS = 64

/**
 * Describes a JSON response without its values: the names and types of its members, the format of tokens and
 * where they fit, the class of lifetimes, and the set of scopes. Two responses with one description look alike to a client.
 */
export function bodyShape(document: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(document).sort().slice(0, MOST_MEMBERS)
  return names.map((name) => `${name}:${memberShape(name, document[name])}`).join(',')
}

function memberShape(name: string, value: unknown): string {
  if (name === 'scope') return `${typeOf(value)} ${String(value).split(/[ ,]/).sort().join(' ')}`
  if (typeof value === 'string' && name.endsWith('_token')) return `${formatOf(value)}${placeOf(value)}`
  if (name.endsWith('expires_in')) return `${typeOf(value)}${lifetimeClass(Number(value))}`
  return typeOf(value)
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'list' : typeof value
}

function formatOf(token: string): string {
  return token.split('.').length === 3 ? 'jwt' : 'opaque'
}

/** The number of {@link PLACES} that are too small for a token. */
function placeOf(token: string): number {
  return PLACES.filter((most) => token.length > most).length
}

/** The power of two at or below. */
function lifetimeClass(seconds: number): number {
  return seconds >= 1 ? Math.floor(Math.log2(seconds)) : 0
}
