import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { readImports } from './read-imports.ts'

/**
 * The test files among `tests` that are one of the `changed` files or import one, directly or indirectly. Paths are
 * relative to `root`, with forward slashes. A file that cannot be read counts as importing nothing.
 */
export function affectedTests(root: string, tests: readonly string[], changed: readonly string[]): string[] {
  const wanted = new Set(changed)
  const importsOf = new Map<string, readonly string[]>()
  const read = (file: string): readonly string[] => {
    const known = importsOf.get(file)
    if (known) return known
    const found = importedFiles(root, file)
    importsOf.set(file, found)
    return found
  }
  return tests.filter((test) => {
    const seen = new Set([test])
    // Iterating over a set includes elements that are added during the iteration.
    for (const file of seen) {
      if (wanted.has(file)) return true
      for (const next of read(file)) seen.add(next)
    }
    return false
  })
}

function importedFiles(root: string, file: string): string[] {
  if (!/\.[mc]?[tj]s$/.test(file)) return []
  try {
    return readImports(readFileSync(join(root, file), 'utf8'))
      .flatMap(({ specifier }) => (specifier?.startsWith('.') ? [posix.join(posix.dirname(file), specifier)] : []))
      .filter((target) => existsSync(join(root, target)))
  } catch {
    return []
  }
}
