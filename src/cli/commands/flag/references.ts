import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { UsageFault } from '../../command-line.ts'

/** A line that names a flag. */
export interface Reference {
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly text: string
}

const SKIPPED = new Set(['.git', 'node_modules', '.svn', '.hg'])
const MAX_BYTES = 256 << 20
const SHOWN = 120

/**
 * Every line below the given paths that contains the name as a whole word, in the order of paths. Skips version
 * control, installed packages, links to directories and binary files. Throws {@link UsageFault} for a path that does
 * not exist, cannot be read, or is a text file over 256 MiB: a file that was not searched may contain a reference.
 */
export function findReferences(name: string, paths: readonly string[]): Reference[] {
  const word = new RegExp(`(?<![A-Za-z0-9_])${name.replace(/[^A-Za-z0-9_]/g, '\\$&')}(?![A-Za-z0-9_])`)
  const files = new Set(paths.flatMap((path) => filesBelow(path)))
  return [...files].flatMap((file) => referencesIn(file, name, word))
}

function filesBelow(path: string): string[] {
  const stat = read(path, () => statSync(path, { throwIfNoEntry: false }))
  if (stat === undefined) throw new UsageFault(`--path ${path}: there is no such file or directory`)
  if (stat.isFile()) return [path]
  const entries = read(path, () => readdirSync(path, { withFileTypes: true })).sort((one, other) =>
    one.name < other.name ? -1 : 1,
  )
  return entries.flatMap((entry) => {
    const below = path === '.' ? entry.name : join(path, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesBelow(below)
    return entry.isFile() || (entry.isSymbolicLink() && leadsToFile(below)) ? [below] : []
  })
}

/** Whether a link leads to a file; a dangling or circular link contains nothing. */
function leadsToFile(link: string): boolean {
  try {
    return statSync(link).isFile()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw new UsageFault(`${link} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

/** Whether a file looks binary, by its first bytes. */
function beginsAsBinary(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const first = Buffer.alloc(8192)
    return first.subarray(0, readSync(file, first)).includes(0)
  } finally {
    closeSync(file)
  }
}

function referencesIn(path: string, name: string, word: RegExp): Reference[] {
  if (read(path, () => beginsAsBinary(path))) return []
  if (read(path, () => statSync(path)).size > MAX_BYTES) {
    throw new UsageFault(`${path} is too large to search; specify other paths with --path`)
  }
  const text = read(path, () => readFileSync(path, 'latin1'))
  if (!text.includes(name) || text.includes('\0')) return []
  return text.split('\n').flatMap((line, index) => {
    if (!word.test(line)) return []
    return [{ path, line: index + 1, text: shown(line) }]
  })
}

/** A line that is safe to print on a terminal, without control characters. */
function shown(line: string): string {
  return Buffer.from(line, 'latin1')
    .toString('utf8')
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, SHOWN)
}

function read<T>(path: string, from: () => T): T {
  try {
    return from()
  } catch (error) {
    throw new UsageFault(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
