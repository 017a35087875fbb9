/** Where `g` followed by a letter leads. */
export const GO_TO = {
  o: { path: '/', words: 'Overview' },
  a: { path: '/applications', words: 'Applications' },
} as const

/** What a key press means; undefined for nothing. `g` waits for the next key. */
export type Shortcut = { readonly go: keyof typeof GO_TO } | 'search' | 'help' | 'begin'

/** Reads a key press, after `g` or not. A key with a modifier, or typed into a field, is never a shortcut. */
export function readShortcut(key: string, isAfterG: boolean): Shortcut | undefined {
  if (isAfterG) return key in GO_TO ? { go: key as keyof typeof GO_TO } : undefined
  if (key === 'g') return 'begin'
  if (key === '/') return 'search'
  return key === '?' ? 'help' : undefined
}
