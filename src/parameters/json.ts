import { MAX_DEPTH, MAX_MEMBERS, MAX_PARAMETERS } from './limits.ts'

/** Receives members of the outermost object. */
export interface JsonMembers {
  /** Whether to deliver a member of this name. */
  has(name: string): boolean
  /** `value` is undefined if it is neither a string nor null. */
  take(name: string, value: string | null | undefined): void
}

/** Escapes are the slow part of a long string; no client needs this many. */
const MAX_ESCAPES = 4 * MAX_PARAMETERS
/** A name and a value for each member; more are not valid JSON. */
const MAX_STRINGS = 2 * MAX_PARAMETERS
/** White space, comments, digits and everything else outside strings. */
const MAX_BARE_CHARACTERS = 256 << 10

const QUOTE = 0x22
const COMMA = 0x2c
const SLASH = 0x2f
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * Scans JSON text once, without building anything, for whether it stays within {@link MAX_DEPTH},
 * {@link MAX_MEMBERS} and {@link MAX_PARAMETERS}, so that it is safe to parse. Delivers the members of the outermost object that `members`
 * selects, in order, including repeated ones. Text that is not valid JSON is scanned too, as far as a lenient parser
 * (Ruby's accepts comments and unknown escapes) could find members in it. Never throws.
 */
export function scanJson(text: string, members?: JsonMembers): 'within_limits' | 'too_much' {
  const walk = new Walk(text, members)
  return walk.run()
}

class Walk {
  readonly #text: string
  readonly #members: JsonMembers | undefined
  #depth = 0
  #commas = 0
  #colons = 0
  #escapes = 0
  #strings = 0
  #bare = 0
  /** The first backslash after the scanned part; the text's length if there is none. */
  #backslash = -1

  constructor(text: string, members: JsonMembers | undefined) {
    this.#text = text
    this.#members = members
  }

  run(): 'within_limits' | 'too_much' {
    const text = this.#text
    for (let at = 0; at < text.length; at++) {
      if (++this.#bare > MAX_BARE_CHARACTERS) return 'too_much'
      switch (text.charCodeAt(at)) {
        case QUOTE:
          at = this.#string(at)
          if (++this.#strings > MAX_STRINGS || this.#escapes > MAX_ESCAPES) return 'too_much'
          break
        case SLASH: {
          const end = skipComment(text, at)
          this.#bare += end - at - 1
          at = end - 1
          break
        }
        case COMMA:
          if (++this.#commas >= MAX_PARAMETERS) return 'too_much'
          break
        case COLON:
          if (++this.#colons > MAX_MEMBERS) return 'too_much'
          break
        case OPEN_BRACE:
        case OPEN_BRACKET:
          if (++this.#depth > MAX_DEPTH) return 'too_much'
          break
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          this.#depth--
          break
        default:
          break
      }
    }
    return this.#bare > MAX_BARE_CHARACTERS ? 'too_much' : 'within_limits'
  }

  /**
   * Skips a string, and its value too if it is the name of an outermost member and the value is a string. Returns the
   * last skipped index.
   */
  #string(open: number): number {
    const text = this.#text
    const close = this.#endOfString(open)
    if (this.#members === undefined || this.#depth !== 1) return close
    const colon = this.#skipBlank(close + 1)
    if (text.charCodeAt(colon) !== COLON) return close
    // The next round of the loop ends the scan.
    if (++this.#colons > MAX_MEMBERS) return colon - 1
    const value = this.#skipBlank(colon + 1)
    const isText = text.charCodeAt(value) === QUOTE
    if (isText) this.#strings++
    const end = isText ? this.#endOfString(value) : value - 1
    // Many escapes are slow to read, and nothing of this text is read any more.
    if (this.#escapes > MAX_ESCAPES || this.#bare > MAX_BARE_CHARACTERS) return end
    const name = unquoted(text.slice(open, close + 1))
    if (!this.#members.has(name)) return end
    if (isText) this.#members.take(name, unquoted(text.slice(value, end + 1)))
    else this.#members.take(name, text.startsWith('null', value) ? null : undefined)
    return end
  }

  #endOfString(open: number): number {
    const text = this.#text
    let close = -1
    for (let at = open + 1; ; ) {
      if (close < at) close = indexOrEnd(text, '"', at)
      if (this.#backslash < at) this.#backslash = indexOrEnd(text, '\\', at)
      if (this.#backslash >= close) return close
      if (++this.#escapes > MAX_ESCAPES) return text.length
      at = this.#backslash + 2
    }
  }

  /** Returns the first index from `from` on that is neither white space nor part of a comment. */
  #skipBlank(from: number): number {
    const text = this.#text
    let at = from
    for (;;) {
      while (at < text.length && text.charCodeAt(at) <= 0x20) at++
      if (text.charCodeAt(at) !== SLASH) break
      at = skipComment(text, at)
      if (at - from > MAX_BARE_CHARACTERS) break
    }
    this.#bare += at - from
    return at
  }
}

function indexOrEnd(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from)
  return at < 0 ? text.length : at
}

/** Returns the content of a quoted string; an escape that JSON does not define yields its character, as in Ruby. */
function unquoted(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    return JSON.parse(quoted) as string
  } catch {
    return quoted.slice(1, -1).replace(/\\([^u])/gs, '$1')
  }
}

/** Returns the index after the comment that begins at `at`; the next index if there is no comment. */
function skipComment(text: string, at: number): number {
  const kind = text[at + 1]
  if (kind !== '*' && kind !== '/') return at + 1
  const end = text.indexOf(kind === '*' ? '*/' : '\n', at + 2)
  return end < 0 ? text.length : end + (kind === '*' ? 2 : 1)
}
