import { useRouterState } from '@tanstack/react-router'

/** The first thing that the keyboard reaches: past the banner and the navigation, to the page. */
export function SkipLink() {
  // A bare `#page` would lead to the base of the console, and not to this address.
  const address = useRouterState({ select: () => `${location.pathname}${location.search}#page` })
  return (
    <a
      href={address}
      className="sr-only z-50 bg-ink px-3 py-2 text-surface focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
    >
      Skip to the page
    </a>
  )
}
