const LONGEST = 120

/**
 * A third party's name made safe for our sentences: one line, without control characters and without invisible marks,
 * such as direction marks (UAX #9), which could make the sentence read as another one. Keeps the joiners that scripts
 * and emoji need. Truncated to 120 characters.
 */
export function shownName(name: string): string {
  const plain = name
    .replace(/\s+/gu, ' ')
    .replace(/(?![\u200C\u200D])[\p{Cc}\p{Cf}\p{Co}]/gu, '\uFFFD')
    .trim()
  const characters = Array.from(plain)
  return characters.length <= LONGEST ? plain : `${characters.slice(0, LONGEST).join('')}…`
}
