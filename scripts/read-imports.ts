import { type Token, tokenize } from './tokens.ts'

/** A place where a file references another module. */
export interface ImportStatement {
  /** The specifier; undefined for an `import()` of a computed name, which cannot be checked. */
  readonly specifier: string | undefined
  readonly line: number
  /** `file` for a reference by `new URL`: a worker or a program to start. */
  readonly kind: 'module' | 'file'
}

/**
 * Every module that a TypeScript source references: `import`, `import type`, `export … from`, `import()` (also in
 * types), `require()`, and `new URL('./x.ts', import.meta.url)`, which starts a worker. Throws on source that it cannot
 * parse.
 */
export function readImports(source: string): ImportStatement[] {
  const tokens = tokenize(source)
  const found: ImportStatement[] = []
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== 'word' || isMember(tokens, at)) continue
    const statement = readAt(tokens, at, token)
    if (statement) found.push(statement)
  }
  return found
}

/** The lines on which a source reads the environment: `process.env` or an equivalent. */
export function readsEnvironment(source: string): number[] {
  const tokens = tokenize(source)
  const lines: number[] = []
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'string' && /^(node:)?process$/.test(token.text) && isSpecifier(tokens, at)) {
      lines.push(token.line)
    }
    if (token.kind !== 'word' || token.text !== 'process') continue
    const rest = tokens.slice(at + 1, at + 4).map((next) => next.text)
    const text = rest.join('')
    if (text.startsWith('.env') || text.startsWith('?.env') || text.startsWith('[env')) lines.push(token.line)
    // `const { env } = process`, or another name for the whole object
    else if (tokens[at - 1]?.text === '=' && !/^[.?[(]/.test(text)) lines.push(token.line)
  }
  return lines
}

function readAt(tokens: Token[], at: number, token: Token): ImportStatement | undefined {
  const next = tokens[at + 1]
  switch (token.text) {
    case 'import':
      if (next?.kind === 'string') return { specifier: next.text, line: token.line, kind: 'module' }
      if (next?.text === '(') return calledWith(tokens, at, token)
      if (next?.text === '.' || next?.text === ':') return undefined
      return specifierAfterFrom(tokens, at, token)
    case 'export':
      return reexport(tokens, at, token)
    case 'require':
      return next?.text === '(' ? calledWith(tokens, at, token) : undefined
    case 'URL': {
      const file = tokens[at + 2]
      const isOfThisModule = tokens[at + 4]?.text === 'import' && tokens[at + 6]?.text === 'meta'
      if (file?.kind === 'string' && file.text.endsWith('.ts') && isOfThisModule) {
        return { specifier: file.text, line: token.line, kind: 'file' }
      }
      return undefined
    }
    default:
      return undefined
  }
}

function calledWith(tokens: Token[], at: number, token: Token): ImportStatement {
  const argument = tokens[at + 2]
  const after = tokens[at + 3]?.text
  const isLiteral = argument?.kind === 'string' && (after === ')' || after === ',')
  return { specifier: isLiteral ? argument.text : undefined, line: token.line, kind: 'module' }
}

function reexport(tokens: Token[], at: number, token: Token): ImportStatement | undefined {
  const first = tokens[at + 1]?.text === 'type' ? at + 2 : at + 1
  const opening = tokens[first]?.text
  if (opening === '*') return specifierAfterFrom(tokens, first, token)
  if (opening !== '{') return undefined
  const end = tokens.findIndex((one, index) => index > first && one.text === '}')
  const [from, specifier] = [tokens[end + 1], tokens[end + 2]]
  if (from?.text !== 'from' || specifier?.kind !== 'string') return undefined
  return { specifier: specifier.text, line: token.line, kind: 'module' }
}

function specifierAfterFrom(tokens: Token[], at: number, token: Token): ImportStatement {
  for (let index = at + 1; index < tokens.length; index++) {
    const specifier = tokens[index + 1]
    if (tokens[index]?.text === 'from' && specifier?.kind === 'string') {
      return { specifier: specifier.text, line: token.line, kind: 'module' }
    }
  }
  throw new Error(`line ${token.line}: an import names no module`)
}

function isMember(tokens: Token[], at: number): boolean {
  return tokens[at - 1]?.text === '.' && tokens[at - 2]?.text !== '.' // `...import('x')` is not a member access
}

function isSpecifier(tokens: Token[], at: number): boolean {
  const before = tokens[at - 1]?.text
  return (
    before === 'from' ||
    before === 'import' ||
    (before === '(' && /^(import|require)$/.test(tokens[at - 2]?.text ?? ''))
  )
}
