import {
  decodeFormComponent,
  isAsciiText,
  isFormWithin,
  MAX_DEPTH,
  MAX_PARAMETERS,
  type Separators,
} from '../../parameters/index.ts'

/** A hash under construction. It has no prototype, so that no parameter name reaches an inherited member. */
export interface Hash {
  [name: string]: Value
}
export type Value = string | null | Value[] | Hash

/** Why parameters cannot be parsed. */
export type ParameterFault = 'malformed' | 'too_many'

/**
 * The remaining levels of brackets for one query or body, so that the cost of nesting stays proportional to its length.
 */
export interface NestingBudget {
  levels: number
}

/** A budget of four levels for each of the maximum number of parameters. */
export function nestingBudget(): NestingBudget {
  return { levels: 4 * MAX_PARAMETERS }
}

/** An empty hash. */
export function emptyHash(): Hash {
  return Object.create(null) as Hash
}

/**
 * Parses `a=1&b[]=2&c[d]=3` as Rack does: the last of equal names wins, `[]` makes a list and `[x]` a hash. `raw`
 * contains one byte per character; `separators` are the characters between parameters. Parameters are counted first to
 * bound the work.
 */
export function parseNestedQuery(raw: string, separators: Separators): Hash | ParameterFault {
  const hash = emptyHash()
  if (raw === '') return hash
  if (!isFormWithin(raw, separators)) return 'too_many'
  const ascii = isAsciiText(raw)
  const budget = nestingBudget()
  for (const part of raw.split(separators === '&' ? /& */ : /[&;] */)) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decodeFormComponent(equals < 0 ? part : part.slice(0, equals), ascii)
    const value = equals < 0 ? null : decodeFormComponent(part.slice(equals + 1), ascii)
    if (name === undefined || value === undefined || !assignNested(hash, name, value, budget)) return 'malformed'
  }
  return hash
}

/**
 * Assigns a value at the place its name specifies. False when the name requires a list or hash where something else
 * exists (E099), is nested too deeply, or exhausts the budget.
 */
export function assignNested(into: Hash, name: string, value: Value, budget: NestingBudget): boolean {
  return assignAt(into, name, { value, budget, depth: MAX_DEPTH })
}

function assignAt(into: Hash, name: string, { value, budget, depth }: Omit<Rest, 'rest'>): boolean {
  if (depth <= 0 || (depth < MAX_DEPTH && --budget.levels < 0)) return false
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
  else if (rest.startsWith('[]')) return assignInList(into, key, { rest: rest.slice(2), value, budget, depth })
  else return assignInHash(into, key, { rest, value, budget, depth })
  return true
}

/** The remaining assignment below a key. */
interface Rest {
  readonly rest: string
  readonly value: Value
  readonly budget: NestingBudget
  readonly depth: number
}

function assignInHash(into: Hash, key: string, { rest, value, budget, depth }: Rest): boolean {
  into[key] ??= emptyHash()
  const child = into[key]
  return isHash(child) && assignAt(child, rest, { value, budget, depth: depth - 1 })
}

function assignInList(into: Hash, key: string, { rest, value, budget, depth }: Rest): boolean {
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
  if (isHash(last) && !hasNested(last, childName)) return assignAt(last, childName, { value, budget, depth: depth - 1 })
  const child = emptyHash()
  list.push(child)
  return assignAt(child, childName, { value, budget, depth: depth - 1 })
}

/** Whether the hash already contains `name`, so that the next element of a list begins. */
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
