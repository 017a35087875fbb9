import type { ChatAnswer, Section, Tone } from './result.ts'
import { withoutControls } from './terminal.ts'

const MARKS: Readonly<Record<Tone, string>> = {
  done: ':white_check_mark:',
  info: ':information_source:',
  waiting: ':hourglass_flowing_sand:',
  refused: ':no_entry:',
  not_done: ':heavy_minus_sign:',
}

/** Slack rejects a message with more than 50 blocks, or with more than 3,000 characters in one. */
const MAX_BLOCKS = 50
const MAX_SECTION = 2_900
const MAX_FALLBACK = 300

/** A message in the format of Slack's webhooks and response URLs. */
export interface SlackMessage {
  readonly text: string
  readonly blocks: ReadonlyArray<Readonly<Record<string, unknown>>>
}

/** A response as Slack blocks, within Slack's limits; the number of omitted parts is shown. */
export function slackMessage(answer: ChatAnswer, who: string): SlackMessage {
  const command = `\`${cut(escapeForSlack(answer.command).replaceAll('`', "'"), 1_000)}\``
  return messageOf(command, answer.sections, `${who} · correlation id ${answer.correlationId}`)
}

/** A message of our own as Slack blocks: a title, parts, and a line of context below them. */
export function slackSections(title: string, sections: readonly Section[], context: string): SlackMessage {
  const { blocks } = messageOf(`*${cut(escapeForSlack(withoutControls(title)), 1_000)}*`, sections, context)
  return { text: cut(escapeForSlack(withoutControls(title)), MAX_FALLBACK), blocks }
}

function messageOf(head: string, sections: readonly Section[], context: string): SlackMessage {
  const shown = sections.slice(0, MAX_BLOCKS - 3)
  const missing = sections.length - shown.length
  const parts = shown.map(sectionText)
  if (missing > 0) parts.push(`… and ${missing} more`)
  return {
    text: cut(parts[0]?.split('\n')[0] ?? '', MAX_FALLBACK),
    blocks: [
      markdown(head),
      ...parts.map(markdown),
      { type: 'context', elements: [{ type: 'mrkdwn', text: cut(escapeForSlack(context), MAX_SECTION) }] },
    ],
  }
}

/** Text that Slack shows literally: its three control characters as entities ("Formatting text", Slack's API). */
export function escapeForSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function sectionText({ heading, tone, lines }: Section): string {
  const head = `${MARKS[tone]} *${escapeForSlack(heading).replaceAll('*', '')}*`
  let text = head
  for (const [index, line] of lines.entries()) {
    const next = `${text}\n${escapeForSlack(withoutControls(line))}`
    if (next.length > MAX_SECTION - 40) return `${text}\n… and ${lines.length - index} more lines`
    text = next
  }
  return text
}

function markdown(text: string): Readonly<Record<string, unknown>> {
  // `verbatim`: names and numbers must not become links.
  return { type: 'section', text: { type: 'mrkdwn', text: cut(text, MAX_SECTION + 100), verbatim: true } }
}

function cut(text: string, length: number): string {
  if (text.length <= length) return text
  // Never cut inside an entity or a surrogate pair.
  return `${text.slice(0, length - 1).replace(/&[a-z]{0,3}$|[\ud800-\udbff]$/, '')}…`
}
