import {
  boundaryOf,
  decodeFormComponent,
  decodeUtf8,
  isAsciiText,
  isFormWithin,
  type Part,
  readParts,
  scanJson,
} from '../parameters/index.ts'
import { hash32 } from './hash32.ts'

/** The parameters that routing reads; it ignores everything else in a request. */
export const ROUTING_PARAMETERS = [
  'client_id',
  'client_assertion',
  'grant_type',
  'code',
  'refresh_token',
  'device_code',
  'subject_token',
  'actor_token',
  'token',
  'user_code',
  'access_token',
  'bearer_token',
  'login_verifier',
  'consent_verifier',
  'authenticity_token',
] as const
/**
 * Distinguish one flow of a client from another, in addition to the client. Repeated, they are ignored and not a fault.
 */
export const FLOW_PARAMETERS = ['redirect_uri', 'state'] as const
/** Only say what a request asks for; repeated, they are ignored as well. */
const ASKED_PARAMETERS = ['scope', 'response_type', 'username'] as const
const READ_PARAMETERS = [...ROUTING_PARAMETERS, ...FLOW_PARAMETERS, ...ASKED_PARAMETERS]
const FIRST_ASKED = ROUTING_PARAMETERS.length + FLOW_PARAMETERS.length
export type RoutingParameter = (typeof READ_PARAMETERS)[number]

const INDEX = new Map<string, number>(READ_PARAMETERS.map((name, index) => [name, index]))

export type ParameterFault = 'ambiguous_client' | 'malformed_request'

/**
 * The routing parameters in one request, from all places where they may occur. A value that is repeated in one place,
 * or differs between two, is a fault and never guessed (RFC 6749 §3.1).
 */
export class RoutingParameters {
  readonly #values: Array<string | undefined> = new Array(READ_PARAMETERS.length)
  /** The parameters of the current place, as bits. */
  #seen = 0
  readonly #firstPlaces: number[] = []
  #surplus: Array<{ readonly index: number; readonly place: number; value: string }> | undefined
  #place = 0
  /** A sum over the names of all parameters in forms, whatever their order. */
  nameSum = 0
  fault: ParameterFault | undefined
  /**
   * The request has more parameters, or nests them deeper, than any server here reads; what was read before is
   * incomplete.
   */
  exceedsLimits = false
  /** Whether the flow parameters identify a flow: none of them is repeated or not a string. */
  isFlowClear = true

  get(name: RoutingParameter): string | undefined {
    return this.#values[INDEX.get(name) as number]
  }

  /**
   * Returns the values that a server may read for a name: the last of each place, and the first of all. The value that
   * Rack reads comes first. There is more than one only in case of a fault.
   */
  all(name: RoutingParameter): readonly string[] {
    const index = INDEX.get(name) as number
    const first = this.#values[index]
    if (first === undefined) return []
    const more = this.#surplus?.filter((one) => one.index === index) ?? []
    if (more.length === 0) return [first]
    const others = more.sort((one, other) => one.place - other.place).map(({ value }) => value)
    return (more[0]?.place ?? 0) > (this.#firstPlaces[index] ?? 0) ? [first, ...others] : [...others, first]
  }

  /** Starts the next place (query, body, header), where the same value may be repeated. */
  nextPlace(): void {
    this.#place++
    this.#seen = 0
  }

  /** Records a fault; `malformed_request` takes precedence. */
  addFault(fault: ParameterFault): void {
    if (this.fault !== 'malformed_request') this.fault = fault
  }

  /** Records a parameter; a blank value counts as absent, as in Doorkeeper. */
  add(name: string, value: string): void {
    const index = INDEX.get(name)
    if (index !== undefined) this.addAt(index, value)
  }

  /** The same for the parameter at an index of {@link INDEX}. */
  addAt(index: number, value: string): void {
    const bit = 1 << index
    const isRepeated = (this.#seen & bit) !== 0
    this.#seen |= bit
    const known = this.#values[index]
    const isBlank = value.trim() === ''
    if (!isBlank && known === undefined) {
      this.#values[index] = value
      this.#firstPlaces[index] = this.#place
    }
    const isOther = !isBlank && known !== undefined && known !== value
    if (isOther) this.#addSurplus(index, value)
    if (isRepeated || isOther) this.#addAmbiguity(index)
  }

  /**
   * Records a parameter with a value that is not a string (`code[]=…`, a JSON array), which servers may read
   * differently.
   */
  addUnreadable(name: string): void {
    const index = INDEX.get(name)
    if (index !== undefined) this.#addAmbiguity(index)
  }

  /** Records that the request exceeds what any server here reads; see {@link exceedsLimits}. */
  addExcess(): void {
    this.exceedsLimits = true
    this.addFault('malformed_request')
  }

  #addSurplus(index: number, value: string): void {
    const place = this.#place
    this.#surplus ??= []
    const known = this.#surplus.find((one) => one.index === index && one.place === place)
    if (known) known.value = value
    else this.#surplus.push({ index, place, value })
  }

  #addAmbiguity(index: number): void {
    if (index < ROUTING_PARAMETERS.length) this.addFault('ambiguous_client')
    else if (index < FIRST_ASKED) this.isFlowClear = false
  }
}

/**
 * Reads `application/x-www-form-urlencoded` text, one character per byte (latin1). Broken percent-encoding, invalid
 * UTF-8 and NUL anywhere in it are a fault, since the sides might read them differently, but the rest is still read.
 * Text with more parameters than Rack accepts, or longer names, is not read: see
 * {@link RoutingParameters.exceedsLimits}.
 *
 * @param ascii whether `text` is ASCII
 */
export function readForm(text: string, into: RoutingParameters, ascii = isAsciiText(text)): void {
  if (!isFormWithin(text, '&;')) return into.addExcess()
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf('&', start)
    if (end < 0) end = text.length
    // Rack drops spaces after a separator.
    while (text.charCodeAt(start) === SPACE) start++
    if (end > start) readPair(text.slice(start, end), ascii, into)
    start = end + 1
  }
}

const SPACE = 0x20

/** The names as they usually arrive, with nothing encoded: their index, and their part of the sum over all names. */
const PLAIN_NAMES = new Map(READ_PARAMETERS.map((name, index) => [name as string, { index, hash: hash32(name) }]))

function readPair(pair: string, ascii: boolean, into: RoutingParameters): void {
  const [rawName, rawValue] = splitOnce(pair)
  const plain = PLAIN_NAMES.get(rawName)
  if (plain !== undefined && !pair.includes(';')) {
    if (rawValue !== '') into.nameSum = (into.nameSum + plain.hash) | 0
    const value = rawValue === '' ? '' : decodePart(rawValue, ascii, into)
    if (value !== undefined) into.addAt(plain.index, value)
    return
  }
  const name = decodePart(rawName, ascii, into)
  if (name !== undefined) {
    if (rawValue !== '') into.nameSum = (into.nameSum + hash32(name)) | 0
    readValue(name, rawValue, ascii, into)
  }
  // Rack 2 also ends a pair of the query at a semicolon; others read the rest as part of the value.
  if (pair.includes(';')) readSemicolons(pair, ascii, into)
}

/** For a parameter that routing does not read, only broken escapes matter. */
function readValue(name: string, rawValue: string, ascii: boolean, into: RoutingParameters): string | undefined {
  const plain = plainName(name)
  if (!INDEX.has(plain)) {
    if (rawValue.includes('%')) decodePart(rawValue, ascii, into)
    return undefined
  }
  const value = rawValue === '' ? '' : decodePart(rawValue, ascii, into)
  if (value !== undefined) addNamed(name, plain, value, into)
  return plain
}

/**
 * Returns the part before the first bracket that does not belong to `[name]`: Rack 2 reads `[name]` and `name]` as the
 * name.
 */
function plainName(name: string): string {
  let start = 0
  while (isBracket(name, start)) start++
  let end = start
  while (end < name.length && !isBracket(name, end)) end++
  return end - start === name.length ? name : name.slice(start, end)
}

function isBracket(text: string, at: number): boolean {
  const character = text.charCodeAt(at)
  return character === 0x5b || character === 0x5d
}

/** Records a value under its plain name; a name with brackets after it is a list or hash. */
function addNamed(name: string, plain: string, value: string, into: RoutingParameters): void {
  if (name === plain || /^[[\]]*[^[\]]*\]*$/.test(name)) into.add(plain, value)
  else into.addUnreadable(plain)
}

function readSemicolons(pair: string, ascii: boolean, into: RoutingParameters): void {
  for (const part of pair.split(';').slice(1)) {
    const [rawName, rawValue] = splitOnce(part.trimStart())
    const name = decodePart(rawName, ascii, into)
    const plain = name === undefined ? undefined : readValue(name, rawValue, ascii, into)
    if (plain !== undefined) into.addUnreadable(plain)
  }
}

function splitOnce(pair: string): [name: string, value: string] {
  const equals = pair.indexOf('=')
  return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
}

function decodePart(part: string, ascii: boolean, into: RoutingParameters): string | undefined {
  const decoded = decodeFormComponent(part, ascii)
  if (decoded === undefined || decoded.includes('\0')) into.addFault('malformed_request')
  return decoded
}

/**
 * Reads the direct string members of a JSON object, including repeated ones. A repeated member, or a routing parameter
 * that is not a string, is a fault; so is text that is not a JSON object.
 */
export function readJson(text: string, into: RoutingParameters): void {
  const take = (name: string, value: string | null | undefined) => {
    if (value === null) return
    if (value === undefined) return into.addUnreadable(name)
    // A lone surrogate, which only JSON escapes can express, has no UTF-8 and would be forwarded as something else.
    if (value.includes('\0') || !value.isWellFormed()) into.addFault('malformed_request')
    into.add(name, value)
  }
  const finding = scanJson(text, { has: (name) => INDEX.has(name), take })
  if (finding === 'too_much') return into.addExcess()
  if (!isJsonObject(text)) into.addFault('malformed_request')
}

function isJsonObject(text: string): boolean {
  try {
    const document: unknown = JSON.parse(text)
    return document !== null && typeof document === 'object' && !Array.isArray(document)
  } catch {
    return false
  }
}

/** Reads the plain fields of a multipart body (RFC 7578); a file under a routing name is a fault. */
export function readMultipart(body: Buffer, contentType: string, into: RoutingParameters): void {
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) return readForm(body.toString('latin1'), into)
  if (boundary === 'unusable') return into.addFault('malformed_request')
  const fault = readParts(body, boundary, (part) => {
    readPart(part, into)
    return true
  })
  if (fault === 'too_many') into.addExcess()
  else if (fault !== undefined) into.addFault('malformed_request')
}

function readPart({ name, otherNames, filename, content }: Part, into: RoutingParameters): void {
  const names = name === undefined ? otherNames : [name, ...otherNames]
  if (names.length === 0) return
  let value: string | undefined
  for (const one of names) {
    const plain = plainName(one)
    if (!INDEX.has(plain)) continue
    value ??= decodeUtf8(content) ?? content.toString('latin1')
    if (value.includes('\0')) into.addFault('malformed_request')
    addNamed(one, plain, value, into)
    if (filename !== undefined || names.length > 1) into.addUnreadable(plain)
  }
}
