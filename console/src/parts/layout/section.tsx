import { type ReactNode, useId } from 'react'

interface SectionProps {
  readonly title: string
  /** A link, a choice or a number to the right of the title. */
  readonly aside?: ReactNode
  readonly children: ReactNode
}

/** A part of a page, with its heading. */
export function Section({ title, aside, children }: SectionProps) {
  const id = useId()
  return (
    <section aria-labelledby={id} className="min-w-0 rounded-lg border border-line bg-surface px-4 py-3">
      <header className="mb-2 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2 id={id} className="text-sm font-semibold text-faded">
          {title}
        </h2>
        {aside}
      </header>
      {children}
    </section>
  )
}
