/** A token of source that matters to the import reader: a word, a punctuator, or a string without its quotes. */
export interface Token {
  /** `comment` and `template` only from {@link tokenizeProse}. */
  readonly kind: 'word' | 'punctuation' | 'string' | 'comment' | 'template'
  readonly text: string
  readonly line: number
}

const WORD_START = /[\p{ID_Start}$_#]/u
const WORD = /[\p{ID_Continue}$\u200c\u200d]/u

/** After these words a slash begins a regular expression. */
const BEFORE_REGEX = new Set('return typeof case in of delete void throw new else do await yield instanceof'.split(' '))

/**
 * Splits TypeScript source into tokens, without comments, numbers and the text of templates (but with what is between
 * `${` and `}`). Throws, naming the line, if a literal does not end: an unreadable file must not pass as one without
 * imports.
 */
export function tokenize(source: string): Token[] {
  return new Tokenizer(source).run().tokens
}

/**
 * The same tokens, with comments (as written) and the text of templates with substitutions, in which people find words
 * to read.
 */
export function tokenizeProse(source: string): Token[] {
  return new Tokenizer(source).run().prose
}

class Tokenizer {
  readonly #source: string
  readonly tokens: Token[] = []
  /** The tokens, with comments and pieces of templates. */
  readonly prose: Token[] = []
  /** Open braces; true if the brace belongs to a template's `${`. */
  readonly #braces: boolean[] = []
  #at = 0
  #line = 1

  constructor(source: string) {
    this.#source = source
  }

  run(): this {
    if (this.#source.startsWith('#!')) this.#skipLine()
    while (this.#at < this.#source.length) this.#next()
    return this
  }

  #next(): void {
    const char = this.#source[this.#at] ?? ''
    const pair = this.#source.slice(this.#at, this.#at + 2)
    if (char === '\n') this.#advance(1)
    else if (/\s/.test(char)) this.#at++
    else if (pair === '//') this.#comment(() => this.#skipLine())
    else if (pair === '/*') this.#comment(() => this.#skipTo('*/'))
    else if (char === '"' || char === "'") this.#string(char)
    else if (char === '`') this.#template()
    else if (char === '/' && this.#expectsValue()) this.#regex()
    else if (/\d/.test(char)) this.#number()
    else if (WORD_START.test(char)) this.#word()
    else this.#punctuation(char)
  }

  #emit(kind: Token['kind'], text: string): void {
    const token = { kind, text, line: this.#line }
    this.tokens.push(token)
    this.prose.push(token)
  }

  #comment(skip: () => void): void {
    const from = this.#at
    const line = this.#line
    skip()
    this.prose.push({ kind: 'comment', text: this.#source.slice(from, this.#at), line })
  }

  #advance(count: number): void {
    for (const end = this.#at + count; this.#at < end; this.#at++) {
      if (this.#source[this.#at] === '\n') this.#line++
    }
  }

  #skipLine(): void {
    const end = this.#source.indexOf('\n', this.#at)
    this.#at = end < 0 ? this.#source.length : end
  }

  #skipTo(mark: string): void {
    const end = this.#source.indexOf(mark, this.#at + 2)
    if (end < 0) throw new Error(`line ${this.#line}: a comment does not end`)
    this.#advance(end + mark.length - this.#at)
  }

  #string(quote: string): void {
    let text = ''
    for (let at = this.#at + 1; ; at++) {
      const char = this.#source[at]
      if (char === undefined || char === '\n') throw new Error(`line ${this.#line}: a string does not end`)
      if (char === quote) {
        this.#emit('string', text)
        this.#at = at + 1
        return
      }
      if (char === '\\') at++
      text += this.#source[at] ?? ''
    }
  }

  /** Reads from a backtick, or from the brace that ends a substitution, to the next backtick or `${`. */
  #template(): void {
    const start = this.#at + 1
    const from = this.#line
    for (let at = start; at < this.#source.length; at++) {
      const char = this.#source[at]
      if (char === '\\') at++
      else if (char === '`') {
        const whole = this.#source[this.#at] === '`'
        if (whole) this.#emit('string', this.#source.slice(start, at))
        else {
          this.prose.push({ kind: 'template', text: this.#source.slice(start, at), line: from })
          this.#emit('punctuation', '`')
        }
        this.#advance(at + 1 - this.#at)
        return
      } else if (char === '$' && this.#source[at + 1] === '{') {
        this.prose.push({ kind: 'template', text: this.#source.slice(start, at), line: from })
        this.#emit('punctuation', '${')
        this.#braces.push(true)
        this.#advance(at + 2 - this.#at)
        return
      }
    }
    throw new Error(`line ${from}: a template does not end`)
  }

  #regex(): void {
    let inClass = false
    for (let at = this.#at + 1; ; at++) {
      const char = this.#source[at]
      if (char === undefined || char === '\n') throw new Error(`line ${this.#line}: a regular expression does not end`)
      if (char === '\\') at++
      else if (char === '[') inClass = true
      else if (char === ']') inClass = false
      else if (char === '/' && !inClass) {
        this.#at = at + 1
        while (WORD.test(this.#source[this.#at] ?? '')) this.#at++
        this.#emit('punctuation', '/…/')
        return
      }
    }
  }

  #number(): void {
    while (/[\w.]/.test(this.#source[this.#at] ?? '')) this.#at++
    this.#emit('punctuation', '0')
  }

  #word(): void {
    const from = this.#at++
    while (WORD.test(this.#source[this.#at] ?? '')) this.#at++
    this.#emit('word', this.#source.slice(from, this.#at))
  }

  #punctuation(char: string): void {
    if (char === '{') this.#braces.push(false)
    if (char === '}' && this.#braces.pop() === true) return this.#template()
    this.#emit('punctuation', char)
    this.#at++
  }

  /** Whether a value may follow here, so that a slash begins a regular expression and is not a division. */
  #expectsValue(): boolean {
    const last = this.tokens.at(-1)
    if (!last) return true
    if (last.kind === 'string') return false
    if (last.kind === 'word') return BEFORE_REGEX.has(last.text)
    return !/^(\)|\]|0|`|\/…\/)$/.test(last.text)
  }
}
