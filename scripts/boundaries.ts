import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'
import { ENVIRONMENT_READERS, FORBIDDEN_NAMES, MAX_ENTRIES, MAX_LINES } from './allowed-imports.ts'
import { findCycles } from './find-cycles.ts'
import { readImports, readsEnvironment } from './read-imports.ts'

/** A violation of a rule, with file and line. */
export interface Violation {
  /** Relative to the root, with forward slashes. */
  readonly file: string
  readonly line: number
  readonly message: string
}

/** The counts and the violations; zero files or imports mean that nothing was checked. */
export interface Findings {
  readonly files: number
  readonly imports: number
  readonly violations: readonly Violation[]
}

type Table = Readonly<Record<string, readonly string[] | '*'>>

const READ = ['src', 'test', 'scripts', 'bench', 'contracts', 'examples'].map(
  (folder) => `${folder}/**/*.{ts,mts,mjs,js}`,
)

interface Source {
  readonly file: string
  readonly text: string
  /**
   * The folder of `src/` that contains it; the file's own name for a file directly in `src/`, undefined outside `src/`.
   */
  readonly folder: string | undefined
  readonly isTest: boolean
}

/**
 * Checks every source under `root` against the table: folders import only what it allows, and others only through their
 * `index.ts`; no import cycles between files or rooms; `process.env` only where configuration is read; no names without
 * meaning; no file and no folder over its limit. Tests are exempt from the table and may read the environment, but must
 * import through `index.ts`.
 */
export function checkBoundaries(root: string, table: Table): Findings {
  const sources = listSources(root)
  const violations: Violation[] = []
  const graph = new Map<string, string[]>()
  let imports = 0
  for (const source of sources) {
    const report = (line: number, message: string) => violations.push({ file: source.file, line, message })
    checkNames(source, report)
    const targets: string[] = []
    for (const { specifier, line, kind } of importsOf(source, report)) {
      imports++
      if (specifier === undefined) report(line, 'imports a computed name, which cannot be checked')
      else if (specifier.startsWith('.')) {
        const target = posix.join(posix.dirname(source.file), specifier)
        if (!existsSync(join(root, target))) report(line, `imports ${specifier}, which does not exist`)
        // Starting the program as a separate process is not a dependency on its code.
        if (kind === 'file' && target === 'src/main.ts') continue
        const fault = faultOf(source, target, table)
        if (fault) report(line, fault)
        targets.push(target)
      } else if (/^(\/|file:)/.test(specifier)) report(line, `imports ${specifier} by its absolute path`)
    }
    if (source.folder !== undefined && !source.isTest) {
      graph.set(source.file, targets)
      checkEnvironment(source, report)
    }
  }
  const fileCycles = findCycles(graph)
  for (const cycle of fileCycles) {
    violations.push({ file: cycle[0] ?? '', line: 1, message: `import cycle: ${cycle.join(' → ')}` })
  }
  // A cycle between files of two rooms is also a cycle between the rooms; one report is enough.
  if (fileCycles.length === 0) violations.push(...roomCycles(graph))
  violations.push(...crowdedFolders(sources))
  return { files: sources.length, imports, violations }
}

/**
 * The room of a file of `src/`: its folder. A file directly in a folder of `src/` is a room by itself, because the
 * files that start a part and its settings are siblings there.
 */
function roomOf(file: string): string {
  const parts = file.split('/')
  return parts.length <= 3 ? file : parts.slice(0, -1).join('/')
}

/** The cycles between rooms, with one import for each step. */
function roomCycles(graph: ReadonlyMap<string, readonly string[]>): Violation[] {
  const rooms = new Map<string, string[]>()
  const importOf = new Map<string, string>()
  for (const [file, targets] of graph) {
    const from = roomOf(file)
    const neighbours = rooms.get(from) ?? []
    rooms.set(from, neighbours)
    for (const target of targets) {
      const to = roomOf(target)
      if (to === from || importOf.has(`${from} ${to}`)) continue
      neighbours.push(to)
      importOf.set(`${from} ${to}`, `${file} imports ${target}`)
    }
  }
  return findCycles(rooms).map((cycle) => {
    const steps = cycle.slice(1).map((to, at) => importOf.get(`${cycle[at]} ${to}`) ?? '')
    const file = steps[0]?.split(' ')[0] ?? ''
    return { file, line: 1, message: `rooms import each other: ${cycle.join(' → ')} (${steps.join('; ')})` }
  })
}

/**
 * The folders in `src/` with too many entries to read at a glance; subfolders and tests count. `src` itself is exempt,
 * because ARCHITECTURE.md lists each of its folders with its purpose.
 */
function crowdedFolders(sources: readonly Source[]): Violation[] {
  const entries = new Map<string, Set<string>>()
  for (const { file } of sources.filter((source) => source.folder !== undefined)) {
    const parts = file.split('/')
    for (let depth = 2; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/')
      const listed = entries.get(folder) ?? new Set()
      entries.set(folder, listed.add(parts[depth] ?? ''))
    }
  }
  return [...entries]
    .filter(([, listed]) => listed.size > MAX_ENTRIES)
    .map(([file, { size }]) => ({ file, line: 1, message: `lists ${size} entries, over ${MAX_ENTRIES}: make rooms` }))
}

function listSources(root: string): Source[] {
  const files = globSync(READ, { cwd: root, exclude: (name) => name.endsWith('node_modules') })
  return files
    .map((path) => path.split(sep).join('/'))
    .sort()
    .map((file) => ({
      file,
      text: readFileSync(join(root, file), 'utf8'),
      folder: folderOf(file),
      isTest: /\.test\.[mc]?[tj]s$/.test(file),
    }))
}

function folderOf(file: string): string | undefined {
  const [top, second] = file.split('/')
  return top === 'src' ? second : undefined
}

function importsOf(source: Source, report: (line: number, message: string) => void) {
  try {
    return readImports(source.text)
  } catch (error) {
    report(1, `cannot be read: ${(error as Error).message}`)
    return []
  }
}

/** Why `source` may not import the file `target`; undefined if it may. */
function faultOf(source: Source, target: string, table: Table): string | undefined {
  const to = folderOf(target)
  if (/\.test\.[mc]?[tj]s$/.test(target)) return `imports ${target}: no file imports a test`
  if (to === undefined) {
    if (source.folder === undefined || source.isTest) return undefined
    return `imports ${target}, which is not part of src/`
  }
  if (to === source.folder) return undefined
  const isEntrance = target === `src/${to}/index.ts` || target === 'src/main.ts'
  if (source.folder !== undefined && !source.isTest) {
    const allowed = table[source.folder]
    if (allowed === undefined) return `src/${source.folder} is not in the table of allowed imports`
    if (allowed !== '*' && !allowed.includes(to)) return `src/${source.folder} may not import src/${to}`
  }
  return isEntrance ? undefined : `imports ${target} past src/${to}/index.ts`
}

function checkNames(source: Source, report: (line: number, message: string) => void): void {
  for (const part of source.file.split('/')) {
    const name = part.replace(/(\.test)?\.\w+$/, '')
    if (FORBIDDEN_NAMES.includes(name)) report(1, `${part}: name it by what it holds`)
  }
  const lines = source.text.split('\n').length - 1
  if (!source.isTest && lines > MAX_LINES) report(MAX_LINES, `has ${lines} lines, over ${MAX_LINES}: split it by idea`)
}

function checkEnvironment(source: Source, report: (line: number, message: string) => void): void {
  if (ENVIRONMENT_READERS.includes(source.folder ?? '')) return
  try {
    for (const line of readsEnvironment(source.text)) {
      report(
        line,
        `reads process.env, which only ${ENVIRONMENT_READERS.map((name) => `src/${name}`).join(' and ')} may`,
      )
    }
  } catch {
    // already reported as unreadable
  }
}

/** The root of this checkout. */
export const PROJECT_ROOT = resolve(dirname(import.meta.filename), '..')

/** Formats a violation as one line, `file:line message`. */
export function formatViolation(violation: Violation, from = process.cwd(), root = PROJECT_ROOT): string {
  return `${relative(from, join(root, violation.file)) || violation.file}:${violation.line} ${violation.message}`
}
