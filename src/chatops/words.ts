/** One word of a command. A word in quotes or backticks is never an option. */
export interface Word {
  readonly text: string
  readonly isQuoted: boolean
}

/** The words of a text, or an error message for the user who typed it. */
export type Words = { readonly words: readonly Word[] } | { readonly fault: string }

/** Maximum length of a command, in characters: far more than anyone types. */
export const MAX_TEXT = 4_000

const QUOTES: Readonly<Record<string, string>> = { '"': '"', "'": "'", '`': '`' }

/**
 * Reverts the changes that Slack and phones make to typed text: links `<url|text>` and entities (Slack's "Formatting
 * text"), curly quotes, dashes instead of `--`, special spaces.
 */
export function plainText(text: string): string {
  const typed = text
    .replace(/<((?:https?:\/\/|mailto:)[^<>|]*)(?:\|([^<>]*))?>/g, unlinked)
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
  return typed
    .replace(/[\u00a0\u2000-\u200a\u202f\u3000]/g, ' ')
    .replace(/[\u200b\u2060\ufeff]/g, '')
    .replace(/[\u201c\u201d\u201e\u00ab\u00bb]/g, '"')
    .replace(/[\u2018\u2019\u201a]/g, "'")
    .replace(/(^|\s)(?:[\u2012-\u2015]{1,2}|-[\u2012-\u2015])(?=[a-z])/gi, '$1--')
    .trim()
}

/** The URL of a link, or its text if Slack made plain text such as `client.example` a link. */
function unlinked(_link: string, url: string, text: string | undefined): string {
  return text !== undefined && (url === `http://${text}` || url === `mailto:${text}`) ? text : url
}

/**
 * Splits text into words. Double quotes, single quotes and backticks quote a word if they start it or follow its first
 * `=`; elsewhere they are ordinary characters. There is no expansion and no escaping.
 */
export function splitWords(typed: string): Words {
  if (typed.length > MAX_TEXT) return { fault: `the command is longer than ${MAX_TEXT} characters` }
  const text = withoutCodeMarks(plainText(typed))
  const words: Word[] = []
  for (let at = skipBlanks(text, 0); at < text.length; at = skipBlanks(text, at)) {
    const read = readWord(text, at)
    if ('fault' in read) return read
    words.push(read.word)
    at = read.end
  }
  return { words }
}

/** A whole command pasted as code: removes the backticks around it. */
function withoutCodeMarks(text: string): string {
  const marks = /^`{0,3}/.exec(text)?.[0] ?? ''
  if (marks === '' || !text.endsWith(marks)) return text
  const inner = text.slice(marks.length, -marks.length)
  return inner.includes('`') || !/\s/.test(inner) ? text : inner.trim()
}

type ReadWord = { readonly word: Word; readonly end: number } | { readonly fault: string }

function readWord(text: string, start: number): ReadWord {
  let said = ''
  let isQuoted = false
  let mayOpen = true
  let at = start
  while (at < text.length && !isBlank(text[at])) {
    const character = text[at] ?? ''
    const closing = mayOpen ? QUOTES[character] : undefined
    if (closing === undefined) {
      mayOpen = character === '=' && !said.includes('=')
      said += character
      at++
      continue
    }
    const end = text.indexOf(closing, at + 1)
    if (end < 0) return { fault: `${character} is opened and never closed` }
    if (at === start) isQuoted = true
    said += text.slice(at + 1, end)
    mayOpen = false
    at = end + 1
  }
  return { word: { text: said, isQuoted }, end: at }
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (at < text.length && isBlank(text[at])) at++
  return at
}

function isBlank(character: string | undefined): boolean {
  return character !== undefined && /\s/.test(character)
}
