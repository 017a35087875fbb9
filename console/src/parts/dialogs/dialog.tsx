import { Dialog as Base } from '@base-ui/react/dialog'
import type { ReactNode } from 'react'

interface DialogProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly title: ReactNode
  /** One or two sentences that are read out when it opens. */
  readonly description?: ReactNode
  readonly children: ReactNode
}

/** A dialog over the page: it holds the focus, closes with Escape, and gives the focus back. */
export function Dialog({ isOpen, onClose, title, description, children }: DialogProps) {
  return (
    <Base.Root open={isOpen} onOpenChange={(open) => !open && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-black/50" />
        <Base.Popup className="fixed inset-x-0 bottom-0 z-50 mx-auto flex max-h-[90dvh] w-full max-w-xl flex-col gap-4 overflow-y-auto rounded-t-xl border border-edge bg-surface p-5 text-ink sm:top-[10dvh] sm:bottom-auto sm:w-[calc(100%-2rem)] sm:rounded-xl">
          <header className="flex items-center justify-between gap-4">
            <Base.Title className="text-lg font-semibold">{title}</Base.Title>
            <Base.Close className="min-h-9 rounded-md px-2 text-sm underline underline-offset-4 hover:bg-sunken">
              Close
            </Base.Close>
          </header>
          {description !== undefined && <Base.Description className="text-sm">{description}</Base.Description>}
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}
