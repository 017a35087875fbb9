import { type Token, tokenizeProse } from './tokens.ts'

/** Text that people read, with the line of the file on which it begins. */
export interface Passage {
  readonly text: string
  readonly line: number
}

const TEST_FUNCTIONS = new Set(['describe', 'test', 'it', 'suite'])
/** Takes the place of code, so that the words around it do not become neighbours. */
const CODE = '·'

/**
 * The passages of a file: the text of Markdown; the comments of TypeScript, and of a program its string literals, of a
 * test the names of its tests (of a name with substitutions, the text before the first one); everything in a page
 * (`.tsx`). Quoted code is left out. Other kinds of files have no passages.
 */
export function readProse(path: string, source: string): Passage[] {
  if (path.endsWith('.md')) return [{ text: withoutCode(source), line: 1 }]
  // Text stands between the tags of a page, which are no TypeScript: such a file is read as a whole.
  if (path.endsWith('.tsx')) return [{ text: source, line: 1 }]
  if (!path.endsWith('.ts')) return []
  const tokens = tokenizeProse(source)
  const isTest = path.endsWith('.test.ts')
  const hasMessages = /^(console\/)?src\//.test(path) && !isTest
  const literals = tokens.filter(
    (token, at) => isLiteral(token) && ((hasMessages && isMessage(token)) || (isTest && isTestName(tokens, at))),
  )
  return [...joinedComments(tokens), ...literals.map(({ text, line }) => ({ text, line }))]
}

function isLiteral(token: Token): boolean {
  return token.kind === 'string' || token.kind === 'template'
}

/** A string of one word is a name or a code; a template is a message even if a piece of it is one word. */
function isMessage({ kind, text }: Token): boolean {
  return kind === 'template' || /\S\s+\S/.test(text)
}

/** Whether the literal at this place is the first argument of `test(…)`, `describe.skip(…)` or the like. */
function isTestName(tokens: readonly Token[], at: number): boolean {
  if (tokens[at - 1]?.text !== '(') return false
  const name = tokens[at - 3]?.text === '.' ? tokens[at - 4] : tokens[at - 2]
  return name?.kind === 'word' && TEST_FUNCTIONS.has(name.text)
}

/** Comments on consecutive lines are one passage, because a sentence may continue on the next line. */
function joinedComments(tokens: readonly Token[]): Passage[] {
  const passages: Passage[] = []
  let nextLine = 0
  for (const { kind, text, line } of tokens) {
    if (kind !== 'comment') continue
    const last = line === nextLine ? passages.pop() : undefined
    passages.push(last ? { text: `${last.text}\n${text}`, line: last.line } : { text, line })
    nextLine = line + text.split('\n').length
  }
  return passages.map((passage) => ({ ...passage, text: withoutCode(passage.text) }))
}

/** Replaces fenced blocks and code spans, and keeps their line breaks. */
function withoutCode(text: string): string {
  const blank = (code: string) => code.replaceAll(/[^\n]/g, CODE)
  return text
    .replaceAll(/^( *```)[\s\S]*?^\1/gm, blank)
    .replaceAll(/(`+)(?!`)(?:(?!\n\s*\n)[\s\S])*?[^`]\1(?!`)/g, blank)
}
