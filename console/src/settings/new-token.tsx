import { useState } from 'react'
import type { Environment } from '../api/documents.ts'
import { Button } from '../parts/actions/button.tsx'
import { ENVIRONMENTS } from '../parts/badges/environment.tsx'
import { Dialog } from '../parts/dialogs/dialog.tsx'
import { Refusal } from '../parts/dialogs/refusal.tsx'
import { SelectField } from '../parts/fields/select-field.tsx'
import { TextField } from '../parts/fields/text-field.tsx'
import { Time } from '../parts/text/time.tsx'
import { type TokenWish, useTokenCreation } from './settings-queries.ts'

const ROLES = [
  { value: 'viewer', words: 'viewer: reads everything' },
  { value: 'operator', words: 'operator: changes flags, rollouts and the brake' },
  { value: 'administrator', words: 'administrator: everything' },
  { value: 'gateway', words: 'gateway: a program that routes' },
  { value: 'replication', words: 'replication: a program that announces applications' },
] as const
const BOUND: readonly string[] = ['operator', 'gateway']
const NAME = /^[\w.@+-]{1,64}$/
const MOST_DAYS = 366

/** Creates a token, and shows its secret this once. */
export function NewToken({ onClose }: { onClose: () => void }) {
  const { mutate, data, error, isPending } = useTokenCreation()
  return (
    <Dialog isOpen onClose={onClose} title="Create a token">
      {data === undefined ? (
        <Form isPending={isPending} error={error} onCreate={mutate} />
      ) : (
        <div role="status" className="flex flex-col gap-3 text-sm">
          <p>
            The token <strong>{data.name}</strong> of the role {data.role}{' '}
            {data.expires_at !== null && (
              <>
                expires <Time at={data.expires_at} />
              </>
            )}
            . Copy it now: it is never shown again.
          </p>
          <p className="rounded-md border border-edge bg-sunken p-3 font-mono text-sm break-all select-all">
            {data.token}
          </p>
          <Button onClick={onClose}>I have copied it</Button>
        </div>
      )}
    </Dialog>
  )
}

interface FormProps {
  readonly isPending: boolean
  readonly error: unknown
  readonly onCreate: (wish: TokenWish) => void
}

function Form({ isPending, error, onCreate }: FormProps) {
  const [role, setRole] = useState<TokenWish['role']>('viewer')
  const [name, setName] = useState('')
  const [days, setDays] = useState('90')
  const [environments, setEnvironments] = useState<readonly Environment[]>(ENVIRONMENTS)
  const isBound = BOUND.includes(role)
  const isWholeDays = /^\d{1,3}$/.test(days) && Number(days) >= 1 && Number(days) <= MOST_DAYS
  const missing = !NAME.test(name)
    ? 'Enter a name first.'
    : !isWholeDays
      ? 'Enter the days first.'
      : isBound && environments.length === 0
        ? 'Choose an environment first.'
        : undefined
  const isLimited = isBound && environments.length < ENVIRONMENTS.length
  return (
    <>
      <SelectField label="Role" value={role} options={ROLES} onChoose={setRole} />
      <TextField
        label="Name"
        hint="Of the person or the program; the audit log shows it. Letters, digits and any of _ . @ + -"
        value={name}
        maxLength={64}
        autoComplete="off"
        fault={name !== '' && !NAME.test(name) ? 'Name: only letters, digits and any of _ . @ + -' : undefined}
        onChange={({ target }) => setName(target.value)}
      />
      <TextField
        label="Days until it expires"
        value={days}
        inputMode="numeric"
        fault={isWholeDays ? undefined : `Days: a whole number from 1 to ${MOST_DAYS}`}
        onChange={({ target }) => setDays(target.value.trim())}
      />
      {isBound && (
        <fieldset className="flex flex-wrap gap-x-4 gap-y-2 text-sm">
          <legend className="mb-1 font-medium">Environments</legend>
          {ENVIRONMENTS.map((environment) => (
            <label key={environment} className="flex items-center gap-2">
              <input
                type="checkbox"
                className="size-4 accent-ink"
                checked={environments.includes(environment)}
                onChange={({ target }) =>
                  setEnvironments(
                    ENVIRONMENTS.filter((one) => (one === environment ? target.checked : environments.includes(one))),
                  )
                }
              />
              {environment}
            </label>
          ))}
        </fieldset>
      )}
      {error !== null && error !== undefined && <Refusal error={error} />}
      <Button
        weight="primary"
        isBusy={isPending}
        reason={missing}
        onClick={() => onCreate({ role, name, days: Number(days), ...(isLimited ? { environments } : {}) })}
      >
        Create the token
      </Button>
    </>
  )
}
