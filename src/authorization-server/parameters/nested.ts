import { decodeFormComponent, isCountWithin, MAX_DEPTH, type Separators } from '../../parameters/index.ts'

/** A hash under construction; it has no prototype, so that no name means anything but itself. */
export interface Hash {
  [name: string]: Value
}
export type Value = string | null | Value[] | Hash

/** Why parameters cannot be read. */
export type ParameterFault = 'malformed' | 'too_many'

/** An empty hash. */
export function emptyHash(): Hash {
  return Object.create(null) as Hash
}

/**
 * Reads `a=1&b[]=2&c[d]=3` as Rack does: the last of equal names wins, `[]` makes a list and `[x]` a hash. `raw` holds
 * one byte a character; `separators` are the characters that part two parameters. The work is bounded by counting first.
 */
export function parseNestedQuery(raw: string, separators: Separators): Hash | ParameterFault {
  const hash = emptyHash()
  if (raw === '') return hash
  if (!isCountWithin(raw, separators)) return 'too_many'
  for (const part of raw.split(separators === '&' ? /& */ : /[&;] */)) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decodeFormComponent(equals < 0 ? part : part.slice(0, equals))
    const value = equals < 0 ? null : decodeFormComponent(part.slice(equals + 1))
    if (name === undefined || value === undefined || !assignNested(hash, name, value)) return 'malformed'
  }
  return hash
}

/** Puts a value where its name says. False when the name asks for a list or hash where something else is (E099). */
export function assignNested(into: Hash, name: string, value: Value, depth = MAX_DEPTH): boolean {
  if (depth <= 0) return false
  if (!name.includes('[') && !name.includes(']')) {
    if (name !== '') into[name] = value
    return true
  }
  const match = /^[[\]]*([^[\]]+)\]*/.exec(name)
  if (!match) return true
  const key = match[1] as string
  const rest = name.slice(match[0].length)
  if (rest === '') into[key] = value
  else if (rest === '[') into[name] = value
  else if (rest.startsWith('[]')) return assignInList(into, key, rest.slice(2), value, depth)
  else return assignInHash(into, key, rest, value, depth)
  return true
}

function assignInHash(into: Hash, key: string, rest: string, value: Value, depth: number): boolean {
  into[key] ??= emptyHash()
  const child = into[key]
  return isHash(child) && assignNested(child, rest, value, depth - 1)
}

function assignInList(into: Hash, key: string, rest: string, value: Value, depth: number): boolean {
  into[key] ??= []
  const list = into[key]
  if (!Array.isArray(list)) return false
  if (rest === '') {
    list.push(value)
    return true
  }
  if (rest === '[]') {
    list.push(value === null ? null : [value])
    return true
  }
  const childName = /^\[([^[\]]+)\]$/.exec(rest)?.[1] ?? rest
  const last = list.at(-1)
  if (isHash(last) && !hasNested(last, childName)) return assignNested(last, childName, value, depth - 1)
  const child = emptyHash()
  list.push(child)
  return assignNested(child, childName, value, depth - 1)
}

/** Whether the hash holds what `name` points to, so that the next element of a list begins. */
function hasNested(hash: Hash, name: string): boolean {
  if (name.includes('[]')) return false
  let at: Value | undefined = hash
  for (const part of name.split(/[[\]]+/)) {
    if (part === '') continue
    if (!isHash(at) || !(part in at)) return false
    at = at[part]
  }
  return true
}

function isHash(value: Value | undefined): value is Hash {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
