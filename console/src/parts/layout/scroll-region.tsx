import type { ReactNode } from 'react'

interface ScrollRegionProps {
  readonly id?: string
  readonly label: string
  readonly className?: string
  readonly children: ReactNode
}

/** A region that scrolls by itself, also by keyboard. */
export function ScrollRegion({ id, label, className = '', children }: ScrollRegionProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without the focus, the keyboard cannot scroll it (WCAG 2.1.1)
    <section id={id} aria-label={label} tabIndex={0} className={`overflow-auto ${className}`}>
      {children}
    </section>
  )
}
