import { Dialog } from '../parts/dialogs/dialog.tsx'
import { PAGES } from './pages.ts'

const OTHERS = [
  { keys: ['/'], words: 'Search applications' },
  { keys: ['?'], words: 'Show these shortcuts' },
  { keys: ['Esc'], words: 'Close a dialog or a menu' },
  { keys: ['←', '→'], words: 'Walk along a chart that has the focus' },
  { keys: ['t'], words: 'Show the table of a chart that has the focus' },
]

/** The keyboard shortcuts. */
export function ShortcutHelp({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const pages = PAGES.map(({ key, words }) => ({ keys: ['g', key], words: `Go to ${words}` }))
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title="Keyboard shortcuts">
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-2 text-sm">
        {[...pages, ...OTHERS].map(({ keys, words }) => (
          <div key={words} className="contents">
            <dt className="flex gap-1">
              {keys.map((key) => (
                <kbd
                  key={key}
                  className="min-w-6 rounded-sm border border-edge px-1.5 py-0.5 text-center font-mono text-xs"
                >
                  {key}
                </kbd>
              ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
