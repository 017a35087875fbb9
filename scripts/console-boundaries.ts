import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import { FORBIDDEN_NAMES, MAX_ENTRIES, MAX_LINES } from './allowed-imports.ts'
import type { Findings, Violation } from './boundaries.ts'

/**
 * The folders of `console/src/` that pages are made of, and what each may import besides itself. Every other folder is a
 * page: it may import all of these except the shell, and never another page.
 */
export const CONSOLE_LAYERS: Readonly<Record<string, readonly string[]>> = {
  format: [],
  api: ['format'],
  live: ['api', 'format'],
  parts: ['api', 'format', 'live'],
  charts: ['api', 'format', 'parts'],
  shell: ['api', 'format', 'live', 'parts'],
}

const ROOT = 'console/src'
const IMPORT =
  /^(?:import|export)\s+(type\s)?[^'";]*?from\s+'([^']+)'|^import\s+()'([^']+)'|\b(typeof\s+)?import\(\s*'([^']+)'\s*\)/gm

interface ConsoleImport {
  readonly specifier: string
  readonly line: number
  readonly isType: boolean
}

/**
 * Checks the console's sources: a folder imports only the layers below it, and no page imports another; code of `src/`
 * comes in as types only, so that no server code reaches a browser; names and sizes follow the rules of `src/`.
 */
export function checkConsoleBoundaries(root: string): Findings {
  const files = globSync(`${ROOT}/**/*.{ts,tsx}`, { cwd: root }).map((file) => file.split(sep).join('/'))
  const violations: Violation[] = []
  let imports = 0
  for (const file of files.sort()) {
    const text = readFileSync(join(root, file), 'utf8')
    const report = (line: number, message: string) => violations.push({ file, line, message })
    checkForm(file, text, report)
    for (const { specifier, line, isType } of readConsoleImports(text)) {
      imports++
      if (!specifier.startsWith('.')) continue
      const target = posix.join(posix.dirname(file), specifier)
      const fault = existsSync(join(root, target))
        ? faultOf(file, target, isType)
        : `imports ${specifier}, which is missing`
      if (fault) report(line, fault)
    }
  }
  return { files: files.length, imports, violations: [...violations, ...crowdedFolders(files)] }
}

/** The imports of a console source. Text between JSX tags is no TypeScript, so this looks only for import statements. */
export function readConsoleImports(text: string): ConsoleImport[] {
  return Array.from(text.matchAll(IMPORT), (found) => ({
    specifier: found[2] ?? found[4] ?? found[6] ?? '',
    line: text.slice(0, found.index).split('\n').length,
    isType: found[1] !== undefined || found[5] !== undefined,
  }))
}

function faultOf(file: string, target: string, isType: boolean): string | undefined {
  if (/\.test\.tsx?$/.test(target)) return `imports ${target}: no file imports a test`
  if (!target.startsWith(`${ROOT}/`)) return isType ? undefined : `imports ${target}, of which it may import types only`
  const from = folderOf(file)
  const to = folderOf(target)
  if (from === undefined || to === undefined || from === to) return undefined
  const allowed = CONSOLE_LAYERS[from] ?? Object.keys(CONSOLE_LAYERS).filter((layer) => layer !== 'shell')
  return allowed.includes(to) ? undefined : `${ROOT}/${from} may not import ${ROOT}/${to}`
}

/** The folder of `console/src/` that contains a file; undefined for a file directly in it, which may import everything. */
function folderOf(file: string): string | undefined {
  const parts = file.split('/')
  return parts.length > 3 ? parts[2] : undefined
}

function checkForm(file: string, text: string, report: (line: number, message: string) => void): void {
  for (const part of file.split('/')) {
    const name = part.replace(/(\.test)?\.\w+$/, '')
    if (FORBIDDEN_NAMES.includes(name)) report(1, `${part}: name it by what it holds`)
  }
  const lines = text.split('\n').length - 1
  if (lines > MAX_LINES) report(MAX_LINES, `has ${lines} lines, over ${MAX_LINES}: split it by idea`)
}

function crowdedFolders(files: readonly string[]): Violation[] {
  const entries = new Map<string, Set<string>>()
  for (const file of files) {
    const parts = file.split('/')
    for (let depth = 3; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/')
      entries.set(folder, (entries.get(folder) ?? new Set()).add(parts[depth] ?? ''))
    }
  }
  return [...entries]
    .filter(([, listed]) => listed.size > MAX_ENTRIES)
    .map(([file, { size }]) => ({ file, line: 1, message: `lists ${size} entries, over ${MAX_ENTRIES}: make rooms` }))
}
