import { useState } from 'react'

const PREFIX = 'handover.plan.'

/**
 * The text that is being written, kept in this browser until it is discarded or became a rollout, so that neither a
 * reload nor a sign-in loses it. `key` names the text; `initial` is what it begins with.
 */
export function useStoredText(key: string, initial: string) {
  const [text, setText] = useState(() => read(key) ?? initial)
  return {
    text,
    change: (next: string) => {
      setText(next)
      write(key, next === initial ? undefined : next)
    },
    forget: () => write(key, undefined),
    isChanged: text !== initial,
  }
}

function read(key: string): string | undefined {
  try {
    return localStorage.getItem(PREFIX + key) ?? undefined
  } catch {
    return undefined
  }
}

/** A browser that stores nothing still edits. */
function write(key: string, text: string | undefined): void {
  try {
    if (text === undefined) localStorage.removeItem(PREFIX + key)
    else localStorage.setItem(PREFIX + key, text)
  } catch {
    // Full or forbidden: the text stays in the page.
  }
}
