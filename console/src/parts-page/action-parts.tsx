import { useState } from 'react'
import { problemOf } from '../api/problem.ts'
import { Button } from '../parts/actions/button.tsx'
import { HoldButton } from '../parts/actions/hold-button.tsx'
import { Confirmation } from '../parts/dialogs/confirmation.tsx'
import { ConflictStates } from '../parts/dialogs/conflict-states.tsx'
import { Choice } from '../parts/fields/choice.tsx'
import { SelectField } from '../parts/fields/select-field.tsx'
import { TextField } from '../parts/fields/text-field.tsx'
import { Section } from '../parts/layout/section.tsx'

const conflict = problemOf(
  409,
  JSON.stringify({
    detail: 'the flag is at version 12, not 11',
    code: 'version_conflict',
    conflict: {
      decided_on: { version: 11, in_words: 'on for 10 % of actors' },
      current: { version: 12, in_words: 'on for 25 % of actors', changed_by: 'bob', changed_at: null },
    },
  }),
)

/** Buttons, fields and confirmations. None of them reaches the control plane. */
export function ActionParts() {
  const [range, setRange] = useState<'hour' | 'day' | 'week'>('hour')
  const [held, setHeld] = useState(0)
  const [open, setOpen] = useState<'plain' | 'conflict'>()
  return (
    <>
      <Section title="Buttons">
        <div className="flex flex-col items-start gap-3">
          <p className="flex flex-wrap gap-2">
            <Button weight="primary">Move 3 applications</Button>
            <Button>Pause</Button>
            <Button weight="quiet">Show the evidence</Button>
            <Button weight="danger">Abort: take all back</Button>
          </p>
          <Button isBusy>Switching</Button>
          <Button reason="The step lasts at least until 14:20.">Next step now</Button>
          <HoldButton onHeld={() => setHeld(held + 1)}>Hold for one second (held {held} times)</HoldButton>
        </div>
      </Section>
      <Section title="Fields">
        <div className="flex flex-col items-start gap-3">
          <Choice
            label="Range"
            value={range}
            onChoose={setRange}
            options={[
              { value: 'hour', words: 'hour' },
              { value: 'day', words: 'day' },
              { value: 'week', words: 'week' },
            ]}
          />
          <TextField className="w-full" label="Reason" hint="Stands in the audit log next to the change." />
          <SelectField
            className="w-full"
            label="Order"
            value={range}
            onChoose={setRange}
            options={[
              { value: 'hour', words: 'by the last hour' },
              { value: 'day', words: 'by the last day' },
              { value: 'week', words: 'by the last week' },
            ]}
          />
          <TextField className="w-full" label="Dwell" defaultValue="5m" fault="dwell: must be at least 15m" />
        </div>
      </Section>
      <Section title="Confirmations">
        <p className="flex flex-wrap gap-2">
          <Button onClick={() => setOpen('plain')}>Move 3 applications …</Button>
          <Button onClick={() => setOpen('conflict')}>Move too late …</Button>
        </p>
        <Confirmation
          isOpen={open !== undefined}
          onClose={() => setOpen(undefined)}
          action="Move 3 applications"
          environment="production"
          consequence="Their new flows start on iam from now on. Tokens that iam issues stay valid when they are taken back."
          affected={{ applications: 3, users: 1_204, flowsPerDay: 18_400 }}
          reason="required"
          onConfirm={() => (open === 'conflict' ? Promise.reject(conflict) : Promise.resolve())}
          conflict={(problem) => <ConflictStates problem={problem} wanted="on for 50 %" />}
        />
      </Section>
    </>
  )
}
