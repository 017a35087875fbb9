import { useState } from 'react'
import type { Environment } from '../api/documents.ts'
import { Button } from '../parts/actions/button.tsx'
import { EnvironmentBadge } from '../parts/badges/environment.tsx'
import { Dialog } from '../parts/dialogs/dialog.tsx'
import { SelectField } from '../parts/fields/select-field.tsx'
import { TextField } from '../parts/fields/text-field.tsx'
import { type FlagWish, type GateChoice, wishOf } from './flag-wish.ts'

const CHOICES: ReadonlyArray<{ value: GateChoice; words: string }> = [
  { value: 'share', words: 'On for a share of applications' },
  { value: 'application', words: 'On for one application' },
  { value: 'opt_out', words: 'Opt one application out' },
  { value: 'all', words: 'On for all' },
  { value: 'none', words: 'Off for all' },
]

interface GateFormProps {
  readonly name: string
  readonly environment: Environment
  readonly onClose: () => void
  readonly onWish: (wish: FlagWish) => void
}

/** What to change; nothing happens before the preview was confirmed. */
export function GateForm({ name, environment, onClose, onWish }: GateFormProps) {
  const [choice, setChoice] = useState<GateChoice>('share')
  const [share, setShare] = useState('')
  const [application, setApplication] = useState('')
  const wish = wishOf(name, environment, { choice, share: share.trim(), application: application.trim() })
  return (
    <Dialog isOpen onClose={onClose} title="Change the flag">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          if (typeof wish !== 'string') onWish(wish)
        }}
      >
        <p className="text-sm break-all">
          {name} in <EnvironmentBadge environment={environment} />
        </p>
        <SelectField label="What to change" value={choice} options={CHOICES} onChoose={setChoice} />
        {choice === 'share' && (
          <TextField
            label="Percentage of applications"
            hint="From 0 to 100, with at most three decimals. A larger share keeps the applications of a smaller one."
            inputMode="decimal"
            value={share}
            onChange={({ target }) => setShare(target.value)}
          />
        )}
        {(choice === 'application' || choice === 'opt_out') && (
          <TextField
            label="Application"
            hint="Its id or its client_id; several are separated by commas."
            value={application}
            autoComplete="off"
            maxLength={2_000}
            onChange={({ target }) => setApplication(target.value)}
          />
        )}
        <footer className="flex flex-wrap gap-3">
          <Button type="submit" weight="primary" reason={typeof wish === 'string' ? wish : undefined}>
            Preview …
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </footer>
      </form>
    </Dialog>
  )
}
