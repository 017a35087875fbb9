import { useState } from 'react'
import { useBrakeChange } from '../api/changes.ts'
import type { BrakeDocument, Environment } from '../api/documents.ts'
import { Button } from '../parts/actions/button.tsx'
import { HoldButton } from '../parts/actions/hold-button.tsx'
import { EnvironmentBadge } from '../parts/badges/environment.tsx'
import { ConflictStates } from '../parts/dialogs/conflict-states.tsx'
import { Refusal } from '../parts/dialogs/refusal.tsx'
import { TextField } from '../parts/fields/text-field.tsx'
import { Time } from '../parts/text/time.tsx'
import { brakeReach } from './brake-reach.ts'

/** The word that switches the brake when it is typed. */
const WORD = 'brake'

/**
 * Says what the brake does and has done, and switches it: by a button that is held for a second, or by a typed word. What
 * it will do is decided when it opens, so that a switch by someone else never turns a hold into its opposite. Without a
 * known state it can still be put on.
 */
export function BrakeForm({ environment, brake }: { environment: Environment; brake: BrakeDocument | undefined }) {
  const [seen, setSeen] = useState(brake)
  const [reason, setReason] = useState('')
  const [word, setWord] = useState('')
  const { mutate, data: switched, error, isPending } = useBrakeChange()
  if (seen === undefined && brake?.on === false) setSeen(brake)
  const next = !(seen?.on ?? false)
  const isOvertaken = brake !== undefined && brake.version !== seen?.version
  const act = () => {
    if (isPending) return
    setWord('')
    const terms = next ? {} : { if_version: seen?.version ?? 0 }
    mutate({ environment, on: next, reason: reason.trim(), ...terms }, { onSuccess: setSeen })
  }
  return (
    // What is reported never moves the button: the dialog hangs from its top, and on a phone it stands on its bottom.
    <div className="flex flex-col gap-4 text-sm">
      <div className="order-2 flex flex-col gap-4 sm:order-1">
        <p>
          With the brake on, every new flow goes to rails, whatever the flags say. Without it, new flows of the
          applications whose flag is on go to iam.
        </p>
        <HoldButton onHeld={act} isBusy={isPending}>
          {isPending ? 'Switching …' : `Hold for one second to switch the brake ${next ? 'on' : 'off'}`}
        </HoldButton>
      </div>
      <div className="order-1 flex flex-col gap-4 sm:order-2">
        {brake === undefined ? (
          <p>
            The state of the brake cannot be read now. It can still be put on, here or at the admin port of each
            gateway.
          </p>
        ) : (
          <BrakeState brake={brake} isOurs={switched !== undefined} />
        )}
        {error !== null && (
          <Refusal error={error} conflict={(problem) => <ConflictStates problem={problem} wanted="off" />} />
        )}
        {isOvertaken && (
          <p role="alert" className="flex flex-wrap items-center gap-3 rounded-md border border-ink p-3">
            The brake was switched in the meantime. <Button onClick={() => setSeen(brake)}>Decide again</Button>
          </p>
        )}
      </div>
      <div className="order-3 flex flex-col gap-4">
        <form
          onSubmit={(event) => {
            event.preventDefault()
            if (word.trim().toLowerCase() === WORD) act()
          }}
        >
          <TextField
            label="Or type the word brake, then press Enter"
            value={word}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            onChange={({ target }) => setWord(target.value)}
          />
        </form>
        <TextField
          label={next ? 'Reason (optional)' : 'Reason'}
          hint="Stands in the audit log next to the change."
          value={reason}
          maxLength={500}
          onChange={({ target }) => setReason(target.value)}
        />
      </div>
    </div>
  )
}

/** The present state with its reach: on how many gateways it acts, and what continues to work. */
function BrakeState({ brake, isOurs }: { brake: BrakeDocument; isOurs: boolean }) {
  return (
    <div role="status" className={`rounded-md border p-3 ${isOurs ? 'border-ink' : 'border-line'}`}>
      <p className="font-medium">
        In <EnvironmentBadge environment={brake.environment} />{' '}
        {brake.on ? 'new flows go to rails' : 'the brake is off'}
        {brake.changed_at !== null && (
          <>
            {' '}
            since <Time at={brake.changed_at} />
          </>
        )}
        {brake.changed_at !== null && `, ${brakeReach(brake.gateways)}`}
        {brake.changed_by !== null && <>, by {brake.changed_by}</>}.
      </p>
      {brake.reason !== '' && <p className="break-words">Reason: {brake.reason}</p>}
      <p className="text-faded">
        {brake.on
          ? 'Flows in progress finish on the side where they began, and the credentials that iam issued continue to work.'
          : 'New flows follow the flags.'}
      </p>
    </div>
  )
}
