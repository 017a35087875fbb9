import { tokenize } from './tokens.ts'

/** An entry of docs/glossary.md: a word with its one meaning. */
export interface GlossaryEntry {
  /** The word without the part that tells its context, such as `issuer` of "issuer (of a credential)". */
  readonly word: string
  readonly line: number
}

/** A word that the project gave up, and the word that replaced it. */
export interface RetiredWord {
  readonly word: string
  readonly instead: string
}

/** A name in the code that contains a retired word. */
export interface RetiredUse {
  readonly file: string
  /** 1-based; 0 for the name of the file itself. */
  readonly line: number
  readonly name: string
  readonly word: string
  readonly instead: string
}

/** The names that may contain a retired word, because another project chose them. */
export const ALLOWED_NAMES: ReadonlyArray<{ readonly name: string; readonly why: string }> = [
  { name: 'dialect', why: 'an option of Kysely' },
  { name: 'PostgresDialect', why: 'a class of Kysely' },
]

const ENTRY = /^\| \*\*([^*]+)\*\*/
const RETIRED = /^\| ([a-z]+) \| ([^|]+?) \|$/

/** Reads the entries and the retired words of the glossary. */
export function readGlossary(markdown: string): { readonly entries: GlossaryEntry[]; readonly retired: RetiredWord[] } {
  const entries: GlossaryEntry[] = []
  const retired: RetiredWord[] = []
  for (const [index, text] of markdown.split('\n').entries()) {
    const word = ENTRY.exec(text)?.[1]
    if (word !== undefined) entries.push({ word: word.toLowerCase(), line: index + 1 })
    const [, former, instead] = RETIRED.exec(text) ?? []
    if (former !== undefined && instead !== undefined && former !== 'word') retired.push({ word: former, instead })
  }
  return { entries, retired }
}

/** The contradictions within the glossary: a word with two meanings, and a retired word that has a meaning. */
export function findCollisions({ entries, retired }: ReturnType<typeof readGlossary>): string[] {
  const lines = new Map<string, number>()
  const faults: string[] = []
  for (const { word, line } of entries) {
    const first = lines.get(word)
    if (first !== undefined) faults.push(`docs/glossary.md:${line} "${word}" has another meaning in line ${first}`)
    else lines.set(word, line)
  }
  for (const { word } of retired) {
    const line = lines.get(word)
    if (line !== undefined) faults.push(`docs/glossary.md:${line} "${word}" is also listed as retired`)
  }
  return faults
}

/** The names in a TypeScript file, its own included, that contain a retired word. Comments and strings are not names. */
export function findRetiredUses(file: string, source: string, retired: readonly RetiredWord[]): RetiredUse[] {
  const names = tokenize(source).filter(({ kind }) => kind === 'word')
  const fileName = file.slice(file.lastIndexOf('/') + 1)
  return [{ text: fileName, line: 0 }, ...names].flatMap(({ text: name, line }) => {
    if (ALLOWED_NAMES.some((allowed) => allowed.name === name)) return []
    const stems = stemsOf(name)
    const found = retired.find(({ word }) => stems.has(word))
    return found === undefined ? [] : [{ file, line, name, ...found }]
  })
}

/** The words in a name, each also without a plural s: `openFastLanes` has open, fast, lanes and lane. */
function stemsOf(name: string): Set<string> {
  const words = name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
  return new Set(words.flatMap((word) => [word, word.replace(/s$/, '')]))
}
