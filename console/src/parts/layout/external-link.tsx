import type { ReactNode } from 'react'

interface ExternalLinkProps {
  /** Untrusted: anything but http and https is shown as text. */
  readonly href: string
  readonly children: ReactNode
}

/** A link to another site, which learns nothing of this one. */
export function ExternalLink({ href, children }: ExternalLinkProps) {
  if (!/^https?:\/\//.test(href)) return <span className="break-all">{href}</span>
  return (
    <a href={href} target="_blank" rel="noreferrer noopener" className="underline underline-offset-4">
      {children}
      <span className="sr-only"> (opens in a new tab)</span>
    </a>
  )
}
