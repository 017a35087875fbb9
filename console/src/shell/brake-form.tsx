import { useState } from 'react'
import { useBrakeChange } from '../api/changes.ts'
import type { BrakeDocument, Environment } from '../api/documents.ts'
import { ApiProblem, sentenceOf } from '../api/problem.ts'
import { HoldButton } from '../parts/actions/hold-button.tsx'
import { EnvironmentBadge } from '../parts/badges/environment.tsx'
import { TextField } from '../parts/fields/text-field.tsx'
import { Time } from '../parts/text/time.tsx'
import { brakeReach } from './brake-reach.ts'

/** The word that switches the brake when it is typed. */
const WORD = 'brake'

/** Says what the brake does and has done, and switches it: by a button that is held for a second, or by a typed word. */
export function BrakeForm({ environment, brake }: { environment: Environment; brake: BrakeDocument | undefined }) {
  const [reason, setReason] = useState('')
  const [word, setWord] = useState('')
  const { mutate, data: switched, error, isPending } = useBrakeChange()
  if (brake === undefined)
    return (
      <p className="text-sm">
        The state of the brake cannot be read now. The command line and the admin port of each gateway can still switch
        it.
      </p>
    )
  const next = !brake.on
  const act = () => {
    if (isPending) return
    setWord('')
    mutate({ environment, on: next, reason: reason.trim() })
  }
  return (
    <div className="flex flex-col gap-4 text-sm">
      <BrakeState brake={brake} isOurs={switched !== undefined} />
      <p>
        {next
          ? 'The brake sends every new flow to rails, whatever the flags say.'
          : 'Without the brake, new flows of the applications whose flag is on go to iam again.'}
      </p>
      <HoldButton onHeld={act} isBusy={isPending}>
        {isPending ? 'Switching …' : `Hold for one second to switch the brake ${next ? 'on' : 'off'}`}
      </HoldButton>
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
      {error !== null && <BrakeFailure error={error} />}
    </div>
  )
}

/** The present state with its reach: on how many gateways it acts, and what continues to work. */
function BrakeState({ brake, isOurs }: { brake: BrakeDocument; isOurs: boolean }) {
  return (
    <div role="status" className={isOurs ? 'rounded-md border border-ink p-3' : ''}>
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

function BrakeFailure({ error }: { error: unknown }) {
  const isRefused = error instanceof ApiProblem && error.kind === 'answered' && error.status < 500
  return (
    <p role="alert" className="rounded-md border border-broken p-3">
      <strong className="text-broken">✗ {isRefused ? 'The brake was not switched.' : 'The outcome is unknown.'}</strong>{' '}
      {sentenceOf(error)}
      {!isRefused &&
        ' The state above is what the control plane last reported; each gateway also has a brake of its own.'}
    </p>
  )
}
