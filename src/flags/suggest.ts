import { editDistance } from '../spelling/index.ts'

const NEAR = 3

/** The known name closest to a mistyped one; undefined if none is close (edit distance over 40 % of its length). */
export function suggestName(typed: string, known: Iterable<string>): string | undefined {
  const word = typed.slice(0, 100)
  let best: string | undefined
  let least = Math.max(NEAR, Math.floor(word.length * 0.4)) + 1
  for (const name of known) {
    const distance = name.startsWith(word) && word.length >= NEAR ? 1 : editDistance(word, name)
    if (distance < least) {
      least = distance
      best = name
    }
  }
  return best
}
