import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './program.ts'

const DOCUMENT = join(ROOT, 'docs', 'fault-matrix.md')

/**
 * Asserts that a section of docs/fault-matrix.md equals what was observed. With HANDOVER_WRITE_DOCS=1 it writes the
 * section instead, at the end when it is new. An empty title means everything before the first section.
 */
export function assertPublished(title: string, text: string): void {
  const sections = readFileSync(DOCUMENT, 'utf8').split(/^(?=## )/m)
  const wanted = title === '' ? `${text.trim()}\n\n` : `## ${title}\n\n${text.trim()}\n\n`
  const at = title === '' ? 0 : sections.findIndex((section) => section.startsWith(`## ${title}\n`))
  if (process.env['HANDOVER_WRITE_DOCS']) {
    if (at < 0) sections.push(wanted)
    else sections[at] = wanted
    writeFileSync(DOCUMENT, `${sections.map((section) => `${section.trim()}\n`).join('\n')}`)
    return
  }
  const published = at < 0 ? '' : sections[at]
  assert.equal(published?.trim(), wanted.trim(), 'HANDOVER_WRITE_DOCS=1 npm test -- fault rewrites it')
}

/** A Markdown table. */
export function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = rows.map((cells) => `| ${cells.join(' | ')} |`)
  return `| ${heads.join(' | ')} |\n|${'---|'.repeat(heads.length)}\n${lines.join('\n')}\n`
}

/** A short list of the warnings and errors among log records, each once. */
export function warningsOf(records: readonly Record<string, unknown>[]): string {
  const grave = records.filter(({ level }) => level === 'warn' || level === 'error' || level === 'fatal')
  const lines = grave.map(({ msg, cause, why, status }) => {
    const detail = cause ?? why ?? (status === undefined ? undefined : `status ${status}`)
    return detail === undefined ? `${msg}` : `${msg} (${detail})`
  })
  return [...new Set(lines)].sort().join('; ') || 'nothing'
}
