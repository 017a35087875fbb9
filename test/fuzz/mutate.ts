import type { Random } from './random.ts'

const BYTES = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  ':',
  '\0',
  '\x7f',
  '\xe9',
  ',',
  ';',
  '0',
  'a',
  '\x0b',
  '#',
  '"',
  '\r\n\r\n',
]

/** Changes text, one character per byte, in one place: a byte more, less or other, a part repeated, or an early end. */
export function mutate(text: string, random: Random): string {
  if (text === '') return text
  const at = random.below(text.length)
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at) + random.pick(BYTES) + text.slice(at)
    case 1:
      return text.slice(0, at) + text.slice(at + 1)
    case 2:
      return text.slice(0, at) + random.pick(BYTES) + text.slice(at + 1)
    case 3:
      return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1)
    case 4: {
      const end = at + random.below(24)
      return text.slice(0, end) + text.slice(at)
    }
    default:
      return text.slice(0, at)
  }
}
