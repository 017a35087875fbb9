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

function withoutControls(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return line.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
}
