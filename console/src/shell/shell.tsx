import { Outlet, useRouterState } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useId, useRef, useState } from 'react'
import { useEnvironment } from '../api/selected-environment.ts'
import { LiveProvider } from '../live/live.tsx'
import { environmentColour } from '../parts/badges/environment.tsx'
import { Brake } from './brake.tsx'
import { EnvironmentSelect } from './environment-select.tsx'
import { LiveBadge } from './live-state.tsx'
import { Navigation } from './navigation.tsx'
import { SearchField } from './search-field.tsx'
import { SkipLink } from './skip-link.tsx'
import { useShortcuts } from './use-shortcuts.ts'

const ShortcutHelp = lazy(async () => ({ default: (await import('./shortcut-help.tsx')).ShortcutHelp }))

/** What is in sight on every page: environment, live state, brake and search above, the pages at the side. */
export function Shell() {
  const environment = useEnvironment()
  const search = useRef<HTMLInputElement>(null)
  const navigationId = useId()
  const [isHelpOpen, setHelpOpen] = useState(false)
  const [isMenuOpen, setMenuOpen] = useState(false)
  const onSearch = useCallback(() => search.current?.focus(), [])
  const onHelp = useCallback(() => setHelpOpen(true), [])
  useShortcuts({ onSearch, onHelp })
  const isLoading = useRouterState({ select: ({ isLoading: loading }) => loading })
  return (
    <LiveProvider environment={environment}>
      <header
        className="sticky top-0 z-30 border-b-4 bg-surface"
        style={{ borderColor: environmentColour(environment) }}
      >
        <SkipLink />
        <div className="mx-auto flex max-w-[125rem] flex-wrap items-center gap-x-4 gap-y-2 px-3 py-2 sm:px-5">
          <EnvironmentSelect />
          <LiveBadge />
          <div className="fixed right-3 bottom-1.5 z-40 lg:static lg:ml-auto">
            <Brake />
          </div>
          <SearchField field={search} />
          <button
            type="button"
            aria-keyshortcuts="?"
            onClick={onHelp}
            className="hidden min-h-9 rounded-md px-2 text-sm underline underline-offset-4 hover:bg-sunken lg:block"
          >
            Shortcuts
          </button>
        </div>
      </header>
      <div className="mx-auto flex max-w-[125rem] gap-6 px-3 pt-5 pb-24 sm:px-5 lg:pb-10">
        <Navigation id={navigationId} isOpen={isMenuOpen} onFollow={() => setMenuOpen(false)} />
        <main id="page" tabIndex={-1} aria-busy={isLoading || undefined} className="min-w-0 flex-1 outline-none">
          <Outlet />
        </main>
      </div>
      <div className="fixed inset-x-0 bottom-0 z-20 flex h-14 items-center border-t border-line bg-surface px-3 lg:hidden">
        <button
          type="button"
          aria-expanded={isMenuOpen}
          aria-controls={navigationId}
          onClick={() => setMenuOpen(!isMenuOpen)}
          className="min-h-11 rounded-md border border-edge px-4 text-sm font-medium"
        >
          Pages
        </button>
      </div>
      {isHelpOpen && (
        <Suspense>
          <ShortcutHelp isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
        </Suspense>
      )}
    </LiveProvider>
  )
}
