/** The parameters that routing looks at; everything else in a request is passed over unread. */
export const ROUTING_PARAMETERS = [
  'client_id',
  'client_assertion',
  'grant_type',
  'code',
  'refresh_token',
  'device_code',
  'subject_token',
  'token',
  'user_code',
  'access_token',
  'bearer_token',
  'login_verifier',
  'consent_verifier',
  'authenticity_token',
] as const
/** What tells one flow of a client from another, beside the client. Given twice they say nothing, and are no fault. */
const FLOW_PARAMETERS = ['redirect_uri', 'state'] as const
const READ_PARAMETERS = [...ROUTING_PARAMETERS, ...FLOW_PARAMETERS]
export type RoutingParameter = (typeof READ_PARAMETERS)[number]

const INDEX = new Map<string, number>(READ_PARAMETERS.map((name, index) => [name, index]))

export type ParameterFault = 'ambiguous_client' | 'malformed_request'

/**
 * The routing parameters found in one request, from all the places where they may stand. A value given twice in one
 * place, or differently in two, is a fault and never guessed (RFC 6749 §3.1).
 */
export class RoutingParameters {
  readonly #values: Array<string | undefined> = new Array(READ_PARAMETERS.length)
  readonly #places: number[] = new Array(READ_PARAMETERS.length).fill(0)
  #surplus: Array<readonly [index: number, value: string]> | undefined
  #place = 0
  fault: ParameterFault | undefined
  /** Whether a flow can be told by its parameters: none of them was given twice or is no text. */
  isFlowClear = true

  get(name: RoutingParameter): string | undefined {
    return this.#values[INDEX.get(name) as number]
  }

  /** Every value that was given for a name; more than one only where that is a fault. */
  all(name: RoutingParameter): readonly string[] {
    const index = INDEX.get(name) as number
    const first = this.#values[index]
    if (first === undefined) return []
    const more = this.#surplus?.filter(([of]) => of === index) ?? []
    return [first, ...more.map(([, value]) => value)]
  }

  /** Begins the next place (query, body, header): the same value may be said again there. */
  nextPlace(): void {
    this.#place++
  }

  /** Of both, `malformed_request` stands. */
  addFault(fault: ParameterFault): void {
    if (this.fault !== 'malformed_request') this.fault = fault
  }

  /** Notes a parameter; a blank value counts as absent, as it does for Doorkeeper. */
  add(name: string, value: string): void {
    const index = INDEX.get(name)
    if (index === undefined) return
    const bit = 1 << this.#place
    const seen = this.#places[index] as number
    this.#places[index] = seen | bit
    const known = this.#values[index]
    const isBlank = value.trim() === ''
    if (!isBlank && known === undefined) this.#values[index] = value
    const isOther = !isBlank && known !== undefined && known !== value
    if (isOther) {
      this.#surplus ??= []
      this.#surplus.push([index, value])
    }
    if ((seen & bit) !== 0 || isOther) this.#addAmbiguity(index)
  }

  /** Notes a parameter whose value is not a string (`code[]=…`, a JSON array): what it means is anyone's guess. */
  addUnreadable(name: string): void {
    const index = INDEX.get(name)
    if (index !== undefined) this.#addAmbiguity(index)
  }

  #addAmbiguity(index: number): void {
    if (index < ROUTING_PARAMETERS.length) this.addFault('ambiguous_client')
    else this.isFlowClear = false
  }
}

/**
 * Reads `application/x-www-form-urlencoded` text, one character a byte (latin1). Broken percent-encoding, invalid
 * UTF-8 and NUL anywhere in it are a fault, and so are more than 4,096 parameters: the sides might differ over them.
 */
export function readForm(text: string, into: RoutingParameters): void {
  const length = text.length
  let start = 0
  let pairs = 0
  while (start < length) {
    let end = text.indexOf('&', start)
    if (end < 0) end = length
    if (end > start) {
      if (++pairs > MAX_PARAMETERS) return into.addFault('malformed_request')
      readPair(text.slice(start, end), into)
    }
    start = end + 1
  }
}

/** As many parameters as Rack takes; the monolith answers more with an error of its own (recording E120). */
const MAX_PARAMETERS = 4_096

function readPair(pair: string, into: RoutingParameters): void {
  const equals = pair.indexOf('=')
  const name = decodePart(equals < 0 ? pair : pair.slice(0, equals), into)
  if (name === undefined) return
  const raw = equals < 0 ? '' : pair.slice(equals + 1)
  const value = decodePart(raw, into)
  if (value !== undefined) addNamed(name, value, into)
  else return
  // Some monoliths (Rack 2) also end a pair at a semicolon; then the rest would be parameters that we did not see.
  if (raw.includes(';') || name.includes(';')) readSemicolons(`${name}=${value}`, into)
}

/** Rack takes `[name]` and `name]` for the name, and what has brackets behind it for a list or hash. */
function addNamed(name: string, value: string, into: RoutingParameters): void {
  if (INDEX.has(name)) return into.add(name, value)
  if (!name.includes('[') && !name.includes(']')) return
  const [, plain = '', rest] = /^[[\]]*([^[\]]*)\]*(.*)$/s.exec(name) ?? []
  if (rest === '') into.add(plain, value)
  else into.addUnreadable(plain)
}

function readSemicolons(pair: string, into: RoutingParameters): void {
  const parts = pair.split(';', MAX_PARAMETERS + 1)
  if (parts.length > MAX_PARAMETERS) return into.addFault('malformed_request')
  for (const part of parts.slice(1)) into.addUnreadable((part.split('=')[0] ?? '').trim())
}

function decodePart(part: string, into: RoutingParameters): string | undefined {
  if (!part.includes('%')) return part.includes('+') ? part.replaceAll('+', ' ') : part
  try {
    const decoded = decodeURIComponent(part.replaceAll('+', ' '))
    if (!decoded.includes('\0')) return decoded
  } catch {
    // falls through: broken escapes and invalid UTF-8 alike
  }
  into.addFault('malformed_request')
  return undefined
}

/**
 * Reads a JSON object's own string members. A member given twice, or one of routing's that is no string, is a fault;
 * so is text that is no JSON object.
 */
export function readJson(text: string, into: RoutingParameters): void {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return into.addFault('malformed_request')
  }
  if (document === null || typeof document !== 'object' || Array.isArray(document)) {
    return into.addFault('malformed_request')
  }
  for (const name of READ_PARAMETERS) {
    if (!Object.hasOwn(document, name)) continue
    const value: unknown = (document as Record<string, unknown>)[name]
    if (typeof value === 'string') {
      // A lone surrogate, which only JSON's escapes can spell, has no UTF-8 and would be sent on as something else.
      if (value.includes('\0') || !value.isWellFormed()) into.addFault('malformed_request')
      else into.add(name, value)
    } else if (value !== null) into.addUnreadable(name)
  }
  if (hasRepeatedMember(text)) into.addFault('ambiguous_client')
}

/** Whether a routing parameter stands twice at the top level of valid JSON text, however its name is escaped. */
function hasRepeatedMember(text: string): boolean {
  const seen = new Set<string>()
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === 0x7b || character === 0x5b) depth++
    else if (character === 0x7d || character === 0x5d) depth--
    else if (character === 0x22) {
      const end = endOfString(text, at)
      if (depth === 1 && isColonNext(text, end + 1)) {
        const quoted = text.slice(at, end + 1)
        const name = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
        if ((INDEX.get(name) ?? Number.POSITIVE_INFINITY) < ROUTING_PARAMETERS.length) {
          if (seen.has(name)) return true
          seen.add(name)
        }
      }
      at = end
    }
  }
  return false
}

function isColonNext(text: string, from: number): boolean {
  let at = from
  while (at < text.length && text.charCodeAt(at) <= 0x20) at++
  return text.charCodeAt(at) === 0x3a
}

function endOfString(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === 0x5c) at++
    else if (character === 0x22) return at
  }
  return text.length
}

const PART_NAME = /^content-disposition:[^\r\n]*?[;\s]name="?([^";\r\n]*)"?/im

/** Reads the plain fields of `multipart/form-data` (RFC 7578), latin1 text; a file under a routing name is a fault. */
export function readMultipart(text: string, contentType: string, into: RoutingParameters): void {
  const match = /boundary=(?:"([^"]{1,70})"|([^;\s]{1,70}))/i.exec(contentType)
  const boundary = match?.[1] ?? match?.[2]
  if (!boundary) return into.addFault('malformed_request')
  const delimiter = `--${boundary}`
  let start = text.indexOf(delimiter)
  while (start >= 0) {
    const from = start + delimiter.length
    if (text.startsWith('--', from)) return
    const next = text.indexOf(delimiter, from)
    if (next < 0) return into.addFault('malformed_request')
    readPart(text.slice(from, next), into)
    start = next
  }
  into.addFault('malformed_request')
}

function readPart(part: string, into: RoutingParameters): void {
  const gap = part.indexOf('\r\n\r\n')
  if (gap < 0) return into.addFault('malformed_request')
  const head = part.slice(0, gap)
  const name = PART_NAME.exec(head)?.[1]
  if (name === undefined) return
  if (/filename/i.test(head)) return into.addUnreadable(name.replace(/\[.*/s, ''))
  const value = part.slice(gap + 4).replace(/\r\n$/, '')
  if (value.includes('\0')) return into.addFault('malformed_request')
  addNamed(name, value, into)
}
