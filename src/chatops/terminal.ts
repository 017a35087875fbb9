import type { ChatAnswer, Tone } from './result.ts'

const MARKS: Readonly<Record<Tone, string>> = { done: '+', info: ' ', waiting: '?', refused: 'x', not_done: '-' }

/** A response as lines for a terminal, without control characters. */
export function terminalLines(answer: ChatAnswer): string[] {
  const lines = answer.sections.flatMap(({ heading, tone, lines: said }) => [
    `${MARKS[tone]} ${heading}`.trimEnd(),
    ...said.map((line) => `    ${line}`),
  ])
  return [...lines, `correlation id ${answer.correlationId}`].map(withoutControls)
}

/** A line for a terminal: characters that move the cursor, ring the bell or reorder text become spaces. */
export function withoutControls(line: string): string {
  return line.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, ' ')
}
