import { type ReactNode, useEffect, useRef } from 'react'

interface PageProps {
  /** The page's heading and the title of its tab. */
  readonly title: string
  /** What stands in place of the title in the heading, such as a name that was rendered with care. */
  readonly heading?: ReactNode
  /** Text or actions to the right of the heading. */
  readonly aside?: ReactNode
  readonly children: ReactNode
}

let isFirstPage = true

/** A page: its one heading takes the focus after a change of page, so that a screen reader says where it is. */
export function Page({ title, heading, aside, children }: PageProps) {
  const place = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Handover`
  }, [title])
  useEffect(() => {
    if (isFirstPage) isFirstPage = false
    else place.current?.focus({ preventScroll: true })
  }, [])
  return (
    <div className="flex flex-col gap-5">
      <header className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <h1 ref={place} tabIndex={-1} className="min-w-0 text-xl font-semibold outline-none">
          {heading ?? title}
        </h1>
        {aside}
      </header>
      {children}
    </div>
  )
}
