import { editDistance } from '../spelling/index.ts'

/** The known word closest to the typed one, for a "did you mean"; undefined if none is close. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(typed.length / 3)) + 1
  for (const word of known) {
    const distance = editDistance(typed.slice(0, 80).toLowerCase(), word.toLowerCase())
    if (distance < least) {
      least = distance
      best = word
    }
  }
  return best
}
