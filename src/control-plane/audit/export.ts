import { type AuditFilter, type AuditPlace, allEntries, type StoredEntry } from './audit-log.ts'
import { canonicalJson } from './canonical.ts'
import type { SealedEntry } from './entry.ts'

/** The formats of an export. */
export const EXPORT_FORMATS = ['jsonl', 'csv'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** The columns of the CSV, in order. */
const COLUMNS: ReadonlyArray<keyof SealedEntry> = [
  'number',
  'at',
  'by',
  'role',
  'door',
  'from',
  'action',
  'environment',
  'subject',
  'reason',
  'change_issue_url',
  'before',
  'after',
  'details',
  'correlation_id',
  'previous_hash',
  'hash',
]

/**
 * The log as text, oldest entry first, in chunks. JSONL: the canonical JSON of each entry with its hash, one per line.
 * CSV (RFC 4180): for reading; no spreadsheet interprets a cell of it as a formula.
 */
export async function* exportLines(
  place: AuditPlace,
  format: ExportFormat,
  filter: AuditFilter,
): AsyncGenerator<string> {
  if (format === 'csv') yield `${COLUMNS.join(',')}\r\n`
  for await (const stored of allEntries(place, filter)) {
    const entry = sealed(stored)
    yield format === 'csv' ? `${csvRow(entry)}\r\n` : `${canonicalJson(entry)}\n`
  }
}

/** A row of the table as an array of values. */
export function sealed({ entry, hash }: StoredEntry): SealedEntry {
  return { ...entry, hash }
}

/** A row of the CSV, without the line break. */
export function csvRow(entry: SealedEntry): string {
  return COLUMNS.map((column) => csvCell(entry[column])).join(',')
}

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return String(value)
  const text = typeof value === 'string' ? value : canonicalJson(value)
  // A spreadsheet would run these as formulas; a leading apostrophe makes them text.
  const tame = /^[\s]*[=+\-@|%\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n']/.test(tame) || tame !== tame.trim() ? `"${tame.replaceAll('"', '""')}"` : tame
}
