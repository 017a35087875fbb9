import { type ReactNode, useState } from 'react'
import type { Environment } from '../../api/documents.ts'
import { ApiProblem } from '../../api/problem.ts'
import { counted } from '../../format/numbers.ts'
import { Button } from '../actions/button.tsx'
import { EnvironmentBadge } from '../badges/environment.tsx'
import { TextField } from '../fields/text-field.tsx'
import { Dialog } from './dialog.tsx'
import { Refusal } from './refusal.tsx'

/** How many are affected; a number that is left out is reported as unknown. */
export interface Affected {
  readonly applications: number
  readonly users?: number | undefined
  readonly flowsPerDay?: number | undefined
}

interface ConfirmationProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  /** The verb and its object, also on the button: `Move 3 applications`. */
  readonly action: string
  readonly environment: Environment
  /** Whether it is known what will happen; until then it cannot be confirmed. */
  readonly isReady?: boolean
  /** What has to be entered before it can be confirmed, as a sentence. */
  readonly missing?: string | undefined
  /** What will happen, and what cannot be undone. */
  readonly consequence: ReactNode
  readonly affected?: Affected | undefined
  /** `required` where the environment demands a reason for each change. */
  readonly reason?: 'none' | 'optional' | 'required'
  /** Does it, with the version on which the person decided. The dialog closes when it resolves. */
  readonly onConfirm: (reason: string) => Promise<unknown>
  /** Shows both changes when someone else was faster, from the document of the conflict. */
  readonly conflict?: ((problem: ApiProblem) => ReactNode) | undefined
}

/** Asks before a change: where, what will happen, to how many. Says what came of it, and never that it worked before it did. */
export function Confirmation(props: ConfirmationProps) {
  const { isOpen, onClose, action, environment, consequence, affected } = props
  const [reason, setReason] = useState('')
  const [state, setState] = useState<'asking' | 'sending' | { readonly error: unknown }>('asking')
  const wanted = props.reason ?? 'optional'
  const blocked = props.isReady === false ? 'What would happen is not known.' : undefined
  const isMissing = wanted === 'required' && reason.trim() === ''
  const error = typeof state === 'object' ? state.error : undefined
  const isConflict = error instanceof ApiProblem && error.status === 409
  const close = () => {
    setState('asking')
    onClose()
  }
  const confirm = async () => {
    setState('sending')
    try {
      await props.onConfirm(reason.trim())
      close()
    } catch (thrown) {
      setState({ error: thrown })
    }
  }
  return (
    <Dialog isOpen={isOpen} onClose={close} title={action}>
      <div className="flex flex-col gap-2 text-sm">
        <p>
          In <EnvironmentBadge environment={environment} />
        </p>
        <div>{consequence}</div>
        {affected !== undefined && <p className="font-medium">{affectedInWords(affected)}</p>}
      </div>
      {wanted !== 'none' && (
        <TextField
          label={wanted === 'required' ? 'Reason' : 'Reason (optional)'}
          hint="Stands in the audit log next to the change."
          value={reason}
          maxLength={500}
          required={wanted === 'required'}
          onChange={(event) => setReason(event.target.value)}
        />
      )}
      {error !== undefined && <Refusal error={error} conflict={props.conflict} />}
      <footer className="flex flex-wrap gap-3">
        <Button
          weight="primary"
          isBusy={state === 'sending'}
          reason={
            blocked ??
            props.missing ??
            (isMissing
              ? 'Enter a reason first.'
              : isConflict
                ? 'Close this and look at the new state first.'
                : undefined)
          }
          onClick={() => void confirm()}
        >
          {action}
        </Button>
        <Button onClick={close}>Cancel</Button>
      </footer>
    </Dialog>
  )
}

/** The numbers of a change as one sentence. */
export function affectedInWords({ applications, users, flowsPerDay }: Affected): string {
  const parts = [
    counted(applications, 'application'),
    users === undefined ? 'an unknown number of users' : counted(users, 'user'),
    flowsPerDay === undefined ? 'an unknown number of flows' : `${counted(flowsPerDay, 'flow')} a day`,
  ]
  return `This affects ${parts[0]}, ${parts[1]} and ${parts[2]}.`
}
