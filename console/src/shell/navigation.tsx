import { Link } from '@tanstack/react-router'
import { ZONE } from '../format/times.ts'
import { PAGES } from './pages.ts'

/** The way to every page. On a narrow screen it opens from the bar at the bottom. */
export function Navigation({ id, isOpen, onFollow }: { id: string; isOpen: boolean; onFollow: () => void }) {
  return (
    <nav
      id={id}
      aria-label="Pages"
      className={`${isOpen ? 'block' : 'hidden'} fixed inset-x-0 bottom-14 z-20 max-h-[70dvh] overflow-y-auto border-t border-line bg-surface p-3 lg:sticky lg:top-16 lg:block lg:max-h-none lg:w-44 lg:shrink-0 lg:self-start lg:border-0 lg:bg-transparent lg:p-0`}
    >
      <ul className="grid grid-cols-2 gap-1 lg:grid-cols-1">
        {PAGES.map(({ path, words }) => (
          <li key={path}>
            <Link
              to={path}
              onClick={onFollow}
              activeOptions={{ exact: path === '/', includeSearch: false }}
              className="block rounded-md px-3 py-2 text-sm hover:bg-sunken aria-[current=page]:bg-sunken aria-[current=page]:font-semibold"
            >
              {words}
            </Link>
          </li>
        ))}
      </ul>
      <p className="px-3 pt-4 text-faded text-xs">Times are in {ZONE.replaceAll('_', ' ')}.</p>
    </nav>
  )
}
