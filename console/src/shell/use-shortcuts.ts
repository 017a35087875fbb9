import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { readShortcut } from './shortcuts.ts'

const SECOND_KEY_MS = 1_500

interface ShortcutActions {
  readonly onSearch: () => void
  readonly onHelp: () => void
}

/** Listens for the keyboard shortcuts while no field and no dialog has the focus. */
export function useShortcuts({ onSearch, onHelp }: ShortcutActions): void {
  const navigate = useNavigate()
  useEffect(() => {
    let beganAt = Number.NEGATIVE_INFINITY
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return
      const shortcut = readShortcut(event.key, event.timeStamp - beganAt < SECOND_KEY_MS)
      beganAt = shortcut === 'begin' ? event.timeStamp : Number.NEGATIVE_INFINITY
      if (shortcut === undefined || shortcut === 'begin') return
      event.preventDefault()
      if (shortcut === 'search') onSearch()
      else if (shortcut === 'help') onHelp()
      else void navigate({ to: shortcut.go })
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [navigate, onSearch, onHelp])
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof Element && target.closest('input, textarea, select, [contenteditable], [role=dialog]') !== null
  )
}
