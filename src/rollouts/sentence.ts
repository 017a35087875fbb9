/** Makes a clause a sentence: with a capital letter at its beginning and a full stop at its end, unless it has them. */
export function sentenceOf(clause: string): string {
  const text = clause.charAt(0).toUpperCase() + clause.slice(1)
  return /[.!?]$/.test(text) ? text : `${text}.`
}
