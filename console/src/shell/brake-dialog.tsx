import type { BrakeDocument, Environment } from '../api/documents.ts'
import { Dialog } from '../parts/dialogs/dialog.tsx'
import { BrakeForm } from './brake-form.tsx'

interface BrakeDialogProps {
  readonly environment: Environment
  readonly brake: BrakeDocument | undefined
  readonly onClose: () => void
}

/** The dialog that switches the brake. */
export function BrakeDialog({ environment, brake, onClose }: BrakeDialogProps) {
  return (
    <Dialog isOpen onClose={onClose} title="The brake">
      <BrakeForm key={environment} environment={environment} brake={brake} />
    </Dialog>
  )
}
