import { MAX_DEPTH, MAX_PARAMETERS } from './limits.ts'

/** Who takes members of the outermost object. */
export interface JsonMembers {
  /** Whether a member of this name is taken. */
  has(name: string): boolean
  /** `value` is undefined when it is neither a text nor null. */
  take(name: string, value: string | null | undefined): void
}

/** Escapes are the slow part of a long text; no client needs as many. */
const MAX_ESCAPES = 4 * MAX_PARAMETERS
/** A name and a value for each member; more are no JSON. */
const MAX_STRINGS = 2 * MAX_PARAMETERS
/** White space, comments, digits and all else that is not in a string. */
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
 * Walks through JSON text once, without building anything: whether it stays within {@link MAX_DEPTH} and
 * {@link MAX_PARAMETERS}, so that it may be parsed. Hands over the members of the outermost object that `members` takes,
 * in order, repeated ones too. Text that is not valid JSON is walked all the same, as far as a forgiving parser (Ruby's takes comments
 * and unknown escapes) could find members in it.
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
  #escapes = 0
  #strings = 0
  #bare = 0
  /** The first backslash behind what has been passed over; the text's length when there is none. */
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

  /** Passes over a string, and over its value where it is the name of an outermost member and that is a text. Returns the last index passed. */
  #string(open: number): number {
    const text = this.#text
    const close = this.#endOfString(open)
    if (this.#members === undefined || this.#depth !== 1) return close
    const colon = this.#skipBlank(close + 1)
    if (text.charCodeAt(colon) !== COLON) return close
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

  /** The first index from `from` on that is neither white space nor part of a comment. */
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

/** The text of a quoted string; an escape that JSON does not know stands for its character, as Ruby has it. */
function unquoted(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    return JSON.parse(quoted) as string
  } catch {
    return quoted.slice(1, -1).replace(/\\([^u])/gs, '$1')
  }
}

/** Behind the comment that begins at `at`; one further where none does. */
function skipComment(text: string, at: number): number {
  const kind = text[at + 1]
  if (kind !== '*' && kind !== '/') return at + 1
  const end = text.indexOf(kind === '*' ? '*/' : '\n', at + 2)
  return end < 0 ? text.length : end + (kind === '*' ? 2 : 1)
}
