import { type ReactNode, useState } from 'react'
import { Button } from '../actions/button.tsx'
import { Dialog } from './dialog.tsx'
import { Refusal } from './refusal.tsx'

interface PlainConfirmationProps {
  /** The verb and its object, also on the button: `End the session of alice`. */
  readonly action: string
  /** What will happen, and what cannot be undone. */
  readonly children: ReactNode
  readonly onClose: () => void
  /** Does it; the dialog closes when it resolves. */
  readonly onConfirm: () => Promise<unknown>
}

/** Asks before a change that concerns no environment, such as of a token. */
export function PlainConfirmation({ action, children, onClose, onConfirm }: PlainConfirmationProps) {
  const [state, setState] = useState<'asking' | 'sending' | { readonly error: unknown }>('asking')
  const confirm = async () => {
    setState('sending')
    try {
      await onConfirm()
      onClose()
    } catch (error) {
      setState({ error })
    }
  }
  return (
    <Dialog isOpen onClose={onClose} title={<span className="break-words">{action}</span>}>
      <div className="text-sm">{children}</div>
      {typeof state === 'object' && <Refusal error={state.error} />}
      <footer className="flex flex-wrap gap-3">
        <Button weight="primary" isBusy={state === 'sending'} onClick={() => void confirm()}>
          {action.length > 60 ? action.split(' ', 1)[0] : action}
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </footer>
    </Dialog>
  )
}
