import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react'

/** How long the button must be held. */
export const HOLD_MS = 1_000

interface HoldButtonProps {
  readonly onHeld: () => void
  readonly isBusy?: boolean
  readonly children: ReactNode
}

/**
 * A button that acts after it has been held for a second, by pointer, touch, space or enter. Letting go earlier, leaving
 * it or losing the focus cancels.
 */
export function HoldButton({ onHeld, isBusy = false, children }: HoldButtonProps) {
  const [isHeld, setHeld] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const letGo = useCallback(() => {
    clearTimeout(timer.current)
    timer.current = undefined
    setHeld(false)
  }, [])
  useEffect(() => letGo, [letGo])
  const hold = () => {
    if (isBusy || timer.current !== undefined) return
    setHeld(true)
    timer.current = setTimeout(() => {
      letGo()
      onHeld()
    }, HOLD_MS)
  }
  return (
    <button
      type="button"
      aria-busy={isBusy || undefined}
      className="relative isolate min-h-14 w-full touch-none overflow-hidden rounded-md border-2 border-ink bg-surface px-4 py-3 text-base font-semibold text-ink select-none aria-busy:border-line aria-busy:text-faded"
      onPointerDown={(event) => event.isPrimary && event.button === 0 && hold()}
      onPointerUp={letGo}
      onPointerLeave={letGo}
      onPointerCancel={letGo}
      onBlur={letGo}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (event.key !== ' ' && event.key !== 'Enter') return
        event.preventDefault()
        if (!event.repeat) hold()
      }}
      onKeyUp={letGo}
    >
      <span
        aria-hidden="true"
        className={`absolute inset-0 -z-10 origin-left bg-line forced-color-adjust-none ${isHeld ? 'scale-x-100 motion-safe:transition-transform motion-safe:duration-1000 motion-safe:ease-linear' : 'scale-x-0'}`}
      />
      {isHeld ? 'Keep holding …' : children}
    </button>
  )
}
