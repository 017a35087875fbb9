const LONGEST = 120

/**
 * A name that somebody else chose, fit to stand in a sentence of ours: one line, without control characters and without
 * invisible marks, such as those that turn the direction of what follows (UAX #9), which could make the sentence read as another one. Joiners,
 * which scripts and emoji need, stay. Cut at 120 characters.
 */
export function shownName(name: string): string {
  const plain = name
    .replace(/\s+/gu, ' ')
    .replace(/(?![\u200C\u200D])[\p{Cc}\p{Cf}\p{Co}]/gu, '\uFFFD')
    .trim()
  const characters = Array.from(plain)
  return characters.length <= LONGEST ? plain : `${characters.slice(0, LONGEST).join('')}…`
}
