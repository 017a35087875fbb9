import type { ChatAnswer, Tone } from './result.ts'

const MARKS: Readonly<Record<Tone, string>> = { done: '+', info: ' ', waiting: '?', refused: 'x', not_done: '-' }

/** An answer as lines for a terminal. Control characters that somebody else wrote are taken out. */
export function terminalLines(answer: ChatAnswer): string[] {
  const lines = answer.sections.flatMap(({ heading, tone, lines: said }) => [
    `${MARKS[tone]} ${heading}`.trimEnd(),
    ...said.map((line) => `    ${line}`),
  ])
  return [...lines, `correlation id ${answer.correlationId}`].map(withoutControls)
}

/** A line for a terminal: what would move its cursor, ring its bell or turn text around is a blank. */
export function withoutControls(line: string): string {
  return line.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, ' ')
}
