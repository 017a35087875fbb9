import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { UsageFault } from './command-line.ts'

/** A line that names a flag. */
export interface Reference {
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly text: string
}

const PASSED_OVER = new Set(['.git', 'node_modules', '.svn', '.hg'])
const MAX_BYTES = 4 << 20
const SHOWN = 120

/**
 * Every line below the given paths that has a name in it as a whole word, in the order of paths. Version control, installed
 * packages, links, and files that are large or no text are passed over. Throws {@link UsageFault} for a path that is not
 * there, and for one that cannot be read: what was not looked at may hold a reference.
 */
export function findReferences(name: string, paths: readonly string[]): Reference[] {
  const word = new RegExp(`(?<![A-Za-z0-9_])${name.replace(/[^A-Za-z0-9_]/g, '\\$&')}(?![A-Za-z0-9_])`)
  return paths.flatMap((path) => filesBelow(path)).flatMap((file) => referencesIn(file, name, word))
}

function filesBelow(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) throw new UsageFault(`--path ${path}: there is no such file or directory`)
  if (stat.isFile()) return [path]
  const entries = read(path, () => readdirSync(path, { withFileTypes: true })).sort((one, other) =>
    one.name < other.name ? -1 : 1,
  )
  return entries.flatMap((entry) => {
    const below = path === '.' ? entry.name : join(path, entry.name)
    if (entry.isDirectory()) return PASSED_OVER.has(entry.name) ? [] : filesBelow(below)
    return entry.isFile() ? [below] : []
  })
}

function referencesIn(path: string, name: string, word: RegExp): Reference[] {
  if (read(path, () => statSync(path)).size > MAX_BYTES) return []
  const text = read(path, () => readFileSync(path, 'latin1'))
  if (!text.includes(name) || text.includes('\0')) return []
  return text.split('\n').flatMap((line, index) => {
    if (!word.test(line)) return []
    return [{ path, line: index + 1, text: Buffer.from(line, 'latin1').toString('utf8').trim().slice(0, SHOWN) }]
  })
}

function read<T>(path: string, from: () => T): T {
  try {
    return from()
  } catch (error) {
    throw new UsageFault(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
