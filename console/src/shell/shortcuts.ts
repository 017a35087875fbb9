import { PAGES } from './pages.ts'

/** What a key press means; undefined for nothing. `begin` waits for the next key. */
export type Shortcut = { readonly go: (typeof PAGES)[number]['path'] } | 'search' | 'help' | 'begin'

/** Reads a key press, after `g` or not. */
export function readShortcut(key: string, isAfterG: boolean): Shortcut | undefined {
  if (isAfterG) {
    const page = PAGES.find((one) => one.key === key)
    return page === undefined ? undefined : { go: page.path }
  }
  if (key === 'g') return 'begin'
  if (key === '/') return 'search'
  return key === '?' ? 'help' : undefined
}
