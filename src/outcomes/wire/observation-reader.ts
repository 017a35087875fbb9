import {
  CREDENTIAL_TYPES,
  type IssuedCredential,
  OBSERVED_REQUESTS,
  type Observation,
  type ObservedTrouble,
  TROUBLES,
} from '../observation.ts'
import { DIVERTED, GRANTED, IAM, LONGEST_LINE, NONE } from './observation-lines.ts'

const MOST_ISSUED = 4
/** The longest lifetime that is read, in seconds: ten years. */
const LONGEST_LIFETIME = 315_360_000
const LONGEST_DURATION_MS = 86_400_000
const MOST_DIGITS = 16
const [SHORTEST_HASH, LONGEST_HASH, LONGEST_WORD, LONGEST_ID] = [16, 64, 40, 255]
/** Networks that are kept as one text each, however many observations name them. */
const MOST_CALLERS = 10_000

/** ASCII codes. */
const [LINE_BREAK, SPACE, COMMA, DASH, ZERO, COLON] = [10, 32, 44, 45, 48, 58]
/** The characters of a field, as bits. */
const [HASH, WORD, ID] = [1, 2, 4]
const CLASSES = Uint8Array.from({ length: 256 }, (_, code) => {
  const character = String.fromCharCode(code)
  const isIn = (pattern: RegExp, bit: number) => (pattern.test(character) ? bit : 0)
  return isIn(/[0-9A-Za-z_-]/, HASH) | isIn(/[a-z_]/, WORD) | isIn(/[\w.:-]/, ID)
})

/**
 * Reads lines that `writeObservation` has written, field by field from their bytes. What it returns holds no more than its
 * own line in memory.
 */
export class ObservationReader {
  #bytes: Buffer = Buffer.alloc(0)
  /** The line that is being read, where it begins and ends, and where the next field begins. */
  #line = ''
  #start = 0
  #end = 0
  #at = 0
  #isSound = true
  #callers = new Map<string, string>()

  /** Calls `take` with each line from `from` on, counted from 0; undefined for one that is not exactly as written. */
  read(lines: string, from: number, take: (seen: Observation | undefined) => void): void {
    if (lines === '') return
    // What is not ASCII becomes bytes that no field may hold.
    this.#bytes = Buffer.from(lines)
    for (let start = 0, index = 0; start <= this.#bytes.length; index++) {
      const found = this.#bytes.indexOf(LINE_BREAK, start)
      const end = found < 0 ? this.#bytes.length : found
      if (index >= from) take(this.#readLine(start, end))
      start = end + 1
    }
  }

  #readLine(start: number, end: number): Observation | undefined {
    if (end - start > LONGEST_LINE) return undefined
    this.#line = this.#bytes.toString('latin1', start, end)
    this.#start = start
    this.#end = end
    this.#at = start
    this.#isSound = true
    const seen = this.#observation()
    return this.#isSound && this.#at === end + 1 ? seen : undefined
  }

  /** The fields in their order. Whether they are sound is known at the end. */
  #observation(): Observation {
    const at = this.#number(Number.MAX_SAFE_INTEGER)
    const durationMs = this.#number(LONGEST_DURATION_MS)
    const applicationId = this.#number(Number.MAX_SAFE_INTEGER)
    const request = OBSERVED_REQUESTS[this.#number(OBSERVED_REQUESTS.length - 1)] as Observation['request']
    const flags = this.#number(GRANTED | DIVERTED | IAM)
    const status = this.#number(599)
    if (at < 1 || (status !== 0 && status < 100)) this.#isSound = false
    const error = this.#text(WORD, 1, LONGEST_WORD)
    const trouble = this.#trouble()
    const presented = this.#text(HASH, SHORTEST_HASH, LONGEST_HASH)
    const flow = this.#text(HASH, SHORTEST_HASH, LONGEST_HASH)
    const caller = this.#caller()
    const asked = {
      scope: this.#number(0xffff_ffff),
      redirectUri: this.#number(0xffff_ffff),
      form: this.#number(0xffff_ffff),
    }
    const shape = this.#text(HASH, SHORTEST_HASH, LONGEST_HASH)
    const issued = this.#issued()
    return {
      applicationId,
      request,
      side: (flags & IAM) === 0 ? 'rails' : 'iam',
      at,
      durationMs,
      status,
      error,
      trouble,
      isGranted: (flags & GRANTED) !== 0,
      isDiverted: (flags & DIVERTED) !== 0,
      presented,
      flow,
      caller,
      asked,
      issued,
      shape,
      requestId: this.#text(ID, 1, LONGEST_ID) ?? NONE,
    }
  }

  #number(most: number): number {
    const number = this.#digits(most)
    this.#skip(SPACE)
    return number
  }

  /** A whole number of at most `most`, up to what follows its decimal digits. */
  #digits(most: number): number {
    const bytes = this.#bytes
    const start = this.#at
    let number = 0
    let at = start
    for (; at < this.#end; at++) {
      const digit = (bytes[at] as number) - ZERO
      if (digit < 0 || digit > 9) break
      number = number * 10 + digit
    }
    if (at === start || at - start > MOST_DIGITS || number > most) this.#isSound = false
    this.#at = at
    return number
  }

  /** Text of a class of characters; undefined where the line says that there is none. */
  #text(type: number, least: number, most: number, separator = SPACE): string | undefined {
    const bytes = this.#bytes
    const start = this.#at
    let at = start
    while (at < this.#end && ((CLASSES[bytes[at] as number] as number) & type) !== 0) at++
    // A dash alone says that there is nothing, also in a class without it.
    if (at === start && at < this.#end && bytes[at] === DASH) at++
    this.#at = at
    this.#skip(separator)
    if (at === start + 1 && bytes[start] === DASH) return undefined
    if (at - start < least || at - start > most) this.#isSound = false
    return this.#line.slice(start - this.#start, at - this.#start)
  }

  #required(text: string | undefined): string {
    if (text === undefined) this.#isSound = false
    return text ?? NONE
  }

  #trouble(): ObservedTrouble | undefined {
    const word = this.#text(WORD, 1, LONGEST_WORD)
    if (word === undefined) return undefined
    const known = TROUBLES.find((one) => one === word)
    if (known === undefined) this.#isSound = false
    return known
  }

  /** The same text for all observations of one network. */
  #caller(): string {
    const caller = this.#required(this.#text(HASH, SHORTEST_HASH, LONGEST_HASH))
    const known = this.#callers.get(caller)
    if (known !== undefined) return known
    if (this.#callers.size >= MOST_CALLERS) this.#callers = new Map()
    // A copy, which does not hold the rest of the line.
    const copy = Buffer.from(caller).toString('latin1')
    this.#callers.set(copy, copy)
    return copy
  }

  #issued(): IssuedCredential[] {
    const issued: IssuedCredential[] = []
    if (this.#bytes[this.#at] === DASH) {
      this.#at++
      this.#skip(SPACE)
      return issued
    }
    for (let hasMore = true; hasMore && this.#isSound; ) {
      const type = CREDENTIAL_TYPES[this.#digits(CREDENTIAL_TYPES.length - 1)] as IssuedCredential['type']
      this.#skip(COLON)
      const hash = this.#required(this.#text(HASH, SHORTEST_HASH, LONGEST_HASH, COLON))
      const lifetime = this.#digits(LONGEST_LIFETIME)
      hasMore = this.#bytes[this.#at] === COMMA
      this.#skip(hasMore ? COMMA : SPACE)
      issued.push({ type, hash, lifetime })
    }
    if (issued.length > MOST_ISSUED) this.#isSound = false
    return issued
  }

  /** Goes past what separates two fields; the last field ends with the line. */
  #skip(separator: number): void {
    const isEnd = this.#at === this.#end && separator === SPACE
    if (!isEnd && this.#bytes[this.#at] !== separator) this.#isSound = false
    this.#at++
  }
}

/** Reads one line; undefined if it is not exactly what `writeObservation` writes. */
export function readObservation(line: string): Observation | undefined {
  let read: Observation | undefined
  let lines = 0
  new ObservationReader().read(line, 0, (seen) => {
    read = seen
    lines++
  })
  return lines === 1 ? read : undefined
}
