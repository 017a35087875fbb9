import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

interface ConsoleLinkProps {
  /** A path of the console as the API gives it, such as `applications/88` or `activity?kind=flag`. */
  readonly path: string
  readonly className?: string
  readonly children: ReactNode
}

/** A link to a page that the API names. The pages that exist are known only when it runs. */
export function ConsoleLink({ path, className, children }: ConsoleLinkProps) {
  const [page = '', query = ''] = path.replace(/^\/+/, '').split('?', 2)
  const search = Object.fromEntries(new URLSearchParams(query))
  return (
    <Link to={`/${page}` as '/'} search={search as never} className={className}>
      {children}
    </Link>
  )
}
