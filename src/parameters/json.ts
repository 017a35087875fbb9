import { MAX_DEPTH, MAX_PARAMETERS } from './limits.ts'

/** Takes a member of the outermost object; `value` is undefined when it is neither a text nor null. */
export type JsonMember = (name: string, value: string | null | undefined) => void

/** Escapes are the slow part of a long text; no client needs as many. */
const MAX_ESCAPES = 4 * MAX_PARAMETERS
/** A name and a value for each member; more are no JSON. */
const MAX_STRINGS = 2 * MAX_PARAMETERS

const QUOTE = 0x22
const COMMA = 0x2c
const SLASH = 0x2f
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * Walks through JSON text once, without building anything: whether it stays within {@link MAX_DEPTH} and
 * {@link MAX_PARAMETERS}, so that it may be parsed. Hands over each member of the outermost object in order, repeated
 * ones too. Text that is not valid JSON is walked all the same, as far as a forgiving parser (Ruby's takes comments
 * and unknown escapes) could find members in it.
 */
export function scanJson(text: string, take?: JsonMember): 'within_limits' | 'too_much' {
  const walk = new Walk(text, take)
  return walk.run()
}

class Walk {
  readonly #text: string
  readonly #take: JsonMember | undefined
  #depth = 0
  #commas = 0
  #escapes = 0
  #strings = 0

  constructor(text: string, take: JsonMember | undefined) {
    this.#text = text
    this.#take = take
  }

  run(): 'within_limits' | 'too_much' {
    const text = this.#text
    for (let at = 0; at < text.length; at++) {
      switch (text.charCodeAt(at)) {
        case QUOTE:
          at = this.#string(at)
          if (++this.#strings > MAX_STRINGS || this.#escapes > MAX_ESCAPES) return 'too_much'
          break
        case SLASH:
          at = skipComment(text, at) - 1
          break
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
    return 'within_limits'
  }

  /** Passes over a string, and over its value where it is the name of an outermost member and that is a text. Returns the last index passed. */
  #string(open: number): number {
    const text = this.#text
    const close = this.#endOfString(open)
    if (this.#take === undefined || this.#depth !== 1) return close
    const colon = skipBlank(text, close + 1)
    if (text.charCodeAt(colon) !== COLON) return close
    const name = unquoted(text.slice(open, close + 1))
    const value = skipBlank(text, colon + 1)
    if (text.charCodeAt(value) === QUOTE) {
      const end = this.#endOfString(value)
      this.#take(name, unquoted(text.slice(value, end + 1)))
      return end
    }
    this.#take(name, text.startsWith('null', value) ? null : undefined)
    return value - 1
  }

  #endOfString(open: number): number {
    const text = this.#text
    for (let at = open + 1; at < text.length; at++) {
      const character = text.charCodeAt(at)
      if (character === QUOTE) return at
      if (character !== BACKSLASH) continue
      at++
      if (++this.#escapes > MAX_ESCAPES) break
    }
    return text.length
  }
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

/** The first index from `at` on that is neither white space nor part of a comment. */
function skipBlank(text: string, from: number): number {
  let at = from
  for (;;) {
    while (at < text.length && text.charCodeAt(at) <= 0x20) at++
    if (text.charCodeAt(at) !== SLASH) return at
    at = skipComment(text, at)
  }
}

/** Behind the comment that begins at `at`; one further where none does. */
function skipComment(text: string, at: number): number {
  const kind = text[at + 1]
  if (kind !== '*' && kind !== '/') return at + 1
  const end = text.indexOf(kind === '*' ? '*/' : '\n', at + 2)
  return end < 0 ? text.length : end + (kind === '*' ? 2 : 1)
}
