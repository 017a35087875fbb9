/** Words with a capital letter at their beginning; the name of a side stays as it is. */
export function begun(words: string): string {
  return /^(?:iam|rails)\b/.test(words) ? words : `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}

/** Words as a sentence. */
export function sentenceIn(words: string): string {
  return `${begun(words)}${/[.!?]$/.test(words) ? '' : '.'}`
}
