import { type Chart, chartAsSvg, labelOf } from './chart.ts'

/** A piece of a line: plain text, or a command to copy. */
export type Inline = string | { readonly code: string }

/** A line of text for people; plain text is escaped when it is rendered. */
export type Line = string | readonly Inline[]

/** A part of a page. */
export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly text: string }
  | { readonly kind: 'paragraph'; readonly line: Line }
  | { readonly kind: 'list'; readonly items: readonly Line[] }
  /** Boxes to tick. */
  | { readonly kind: 'tasks'; readonly items: ReadonlyArray<{ readonly line: Line; readonly isDone: boolean }> }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: ReadonlyArray<readonly Line[]> }
  | ({ readonly kind: 'chart' } & Chart)

/** A page in the order in which it is read. */
export type Page = readonly Block[]

/** The page as Markdown that GitLab, GitHub and editors read alike. */
export function pageAsMarkdown(page: Page): string {
  return `${page.map(blockAsMarkdown).join('\n\n')}\n`
}

/** The one style element of {@link pageAsHtml}, for a content security policy that names its hash. */
export const PAGE_STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}' +
  'table{border-collapse:collapse}th,td{border:1px solid;padding:.3rem .6rem;text-align:left;vertical-align:top}' +
  'figure{margin:1rem 0}figcaption{font-weight:600}'

/** The page as a complete HTML document without scripts or references to other files. */
export function pageAsHtml(page: Page, title: string): string {
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${html(title)}</title>`
  const body = page.map(blockAsHtml).join('\n')
  return `<!doctype html>\n<html lang="en">\n<head>${head}<style>${PAGE_STYLE}</style></head>\n<body>\n<main>\n${body}\n</main>\n</body>\n</html>\n`
}

/**
 * Plain text for Markdown: on one line, and without characters that would start markup, end a table cell, mention
 * a user, or run a command of an issue tracker. An address stays a link.
 */
export function plainMarkdown(text: string): string {
  const plain = text.replace(/[\s\p{C}]+/gu, ' ').trim()
  if (/^https?:\/\/[^\s|<>()[\]]+$/.test(plain)) return plain
  return plain
    .replace(/[\\`*{}[\]<>|~@#!$]|(?<=\s|^)_|_(?=\s|$)/g, '\\$&')
    .replace(/^([-+](?=\s)|\/)/, '\\$1')
    .replace(/^(\d+)([.)])(?=\s|$)/, '$1\\$2')
}

function blockAsMarkdown(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${plainMarkdown(block.text)}`
    case 'paragraph':
      return lineAsMarkdown(block.line)
    case 'list':
      return block.items.map((item) => `- ${lineAsMarkdown(item)}`).join('\n')
    case 'tasks':
      return block.items.map(({ line, isDone }) => `- [${isDone ? 'x' : ' '}] ${lineAsMarkdown(line)}`).join('\n')
    case 'table':
      return [
        `| ${block.head.map(plainMarkdown).join(' | ')} |`,
        `|${block.head.map(() => '---').join('|')}|`,
        ...block.rows.map((row) => `| ${row.map(lineAsMarkdown).join(' | ')} |`),
      ].join('\n')
    case 'chart':
      return plainMarkdown(labelOf(block))
  }
}

function lineAsMarkdown(line: Line): string {
  if (typeof line === 'string') return plainMarkdown(line)
  return line.map((part) => (typeof part === 'string' ? padded(part) : `\`${codeText(part.code)}\``)).join('')
}

/** Escaped like {@link plainMarkdown}, with the spaces that separate it from a command next to it. */
function padded(text: string): string {
  const plain = plainMarkdown(text)
  return `${/^\s/.test(text) ? ' ' : ''}${plain}${/\s$/.test(text) && plain !== '' ? ' ' : ''}`
}

/** A code span cannot hold backticks, and a table cell no bar. */
function codeText(code: string): string {
  return code
    .replace(/[\s\p{C}]+/gu, ' ')
    .replaceAll('`', "'")
    .replaceAll('|', '\\|')
}

function blockAsHtml(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h${block.level}>${html(block.text)}</h${block.level}>`
    case 'paragraph':
      return `<p>${lineAsHtml(block.line)}</p>`
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${lineAsHtml(item)}</li>`).join('')}</ul>`
    case 'tasks':
      return `<ul>${block.items.map(({ line, isDone }) => `<li>${isDone ? '☑' : '☐'} ${lineAsHtml(line)}</li>`).join('')}</ul>`
    case 'table': {
      const head = block.head.map((cell) => `<th scope="col">${html(cell)}</th>`).join('')
      const rows = block.rows.map((row) => `<tr>${row.map((cell) => `<td>${lineAsHtml(cell)}</td>`).join('')}</tr>`)
      return `<table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${rows.join('\n')}\n</tbody>\n</table>`
    }
    case 'chart':
      return `<figure><figcaption>${html(`${block.title}, ${block.unit}`)}</figcaption>\n${chartAsSvg(block, html)}</figure>`
  }
}

function lineAsHtml(line: Line): string {
  if (typeof line === 'string') return html(line)
  return line.map((part) => (typeof part === 'string' ? html(part) : `<code>${html(part.code)}</code>`)).join('')
}

function html(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[&<>"]/g, (mark) => entities[mark] ?? mark).replace(/(?!\n)\p{Cc}/gu, ' ')
}
