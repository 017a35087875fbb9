import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './support/program.ts'

/** A command line of `handover` that a document shows. */
export interface DocumentedCommand {
  /** Where: `docs/runbook.md:12`. */
  readonly at: string
  readonly text: string
  /** The words after `handover`. */
  readonly args: readonly string[]
  /** Whether a reader may type it as it stands; otherwise it names a command within a sentence, or leaves words out. */
  readonly isComplete: boolean
}

const SPAN = /`(?:\.\/bin\/)?(handover [a-z][^`]*)`/g
const LINE = /^\s*(?:\$ |sudo |npx )?(?:\.\/bin\/)?(handover [a-z].*)$/
const FENCE = /^\s*```(\S*)/
const SHELLS = ['sh', 'bash', 'shell', 'console']

/** Every command line of `handover` in the Markdown files of this repository, in shell blocks and in sentences. */
export function documentedCommands(): DocumentedCommand[] {
  const documents = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], {
    cwd: ROOT,
    // It tells of commands as they were.
    exclude: ['CHANGELOG.md'],
  }).sort()
  return documents.flatMap((document) => commandsIn(document, readFileSync(join(ROOT, document), 'utf8')))
}

/** Every command line of `handover` in the text of one document. */
export function commandsIn(document: string, text: string): DocumentedCommand[] {
  const found: DocumentedCommand[] = []
  const lines = text.split('\n')
  let block: string | undefined
  let prose: string[] = []
  let proseFrom = 0
  const endProse = () => {
    // A code span may go over the end of a line, but not of a paragraph.
    const paragraph = prose.join('\n')
    for (const match of paragraph.matchAll(SPAN)) {
      const line = proseFrom + paragraph.slice(0, match.index).split('\n').length
      found.push(commandOf(`${document}:${line}`, (match[1] ?? '').replaceAll(/\s*\n\s*/g, ' '), false))
    }
    prose = []
  }
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const fence = FENCE.exec(line)
    if (fence || line.trim() === '') endProse()
    if (fence) block = block === undefined ? (fence[1] ?? '') : undefined
    else if (block === undefined) {
      if (prose.length === 0) proseFrom = at
      prose.push(line)
    } else if (SHELLS.includes(block)) {
      const from = at
      let whole = line
      while (whole.endsWith('\\') && at + 1 < lines.length)
        whole = `${whole.slice(0, -1)} ${(lines[++at] ?? '').trim()}`
      const command = LINE.exec(whole)?.[1]
      if (command !== undefined) found.push(commandOf(`${document}:${from + 1}`, command, true))
    }
  }
  endProse()
  return found
}

function commandOf(at: string, text: string, isTyped: boolean): DocumentedCommand {
  const words = shellWords(isTyped ? text : text.replaceAll(/[[\]]/g, ''))
  const args = words.slice(1).filter((word) => word !== '…' && word !== '...')
  const isWhole = args.length === words.length - 1
  const hasOptions = args.some((word) => word.startsWith('-'))
  return { at, text, args, isComplete: isWhole && (isTyped || hasOptions || args.length > 2) }
}

/** A shell block of a document, without its indentation. */
export interface ShellBlock {
  readonly line: number
  readonly text: string
  /** What the page says it prints: the block without a language that follows at once. */
  readonly prints: string | undefined
}

/** The shell blocks of a document, in their order. */
export function shellBlocks(document: string): ShellBlock[] {
  const blocks = Array.from(document.matchAll(/^( *)```(\S*)\n([\s\S]*?)^ *```$/gm), (match) => {
    const [whole, indent = '', language = '', inside = ''] = match
    const lines = inside.split('\n').map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
    const line = document.slice(0, match.index).split('\n').length + 1
    return { line, language, text: lines.join('\n').trimEnd(), end: match.index + whole.length, start: match.index }
  })
  return blocks.flatMap(({ line, language, text, end }, at) => {
    if (!SHELLS.includes(language)) return []
    const next = blocks[at + 1]
    const isOutput = next?.language === '' && document.slice(end, next.start).trim() === ''
    return [{ line, text, prints: isOutput ? next.text : undefined }]
  })
}

/** The words of a simple command, by the rules of the shell, as far as its redirection, pipe, end or comment. */
export function shellWords(text: string): string[] {
  const words: string[] = []
  const piece = /\s*(?:(#.*)|([|&;]|\d?[<>](?![\w-]+>))|((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|<[\w-]+>|[^\s'"\\|&;<>])+))/y
  for (let match = piece.exec(text); match?.[3] !== undefined; match = piece.exec(text)) {
    words.push(
      match[3].replaceAll(/'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g, (_, single, double, escaped) => {
        return single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped
      }),
    )
  }
  return words
}
