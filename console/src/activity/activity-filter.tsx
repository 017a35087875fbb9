import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { Button } from '../parts/actions/button.tsx'
import { Choice } from '../parts/fields/choice.tsx'
import { TextField } from '../parts/fields/text-field.tsx'
import type { ActivitySearch } from './activity-search.ts'

const FIELDS = [
  { name: 'by', label: 'Who', placeholder: 'whole name', type: 'search' },
  { name: 'subject', label: 'Flag, token or brake', placeholder: 'whole name', type: 'search' },
  { name: 'since', label: 'From', placeholder: undefined, type: 'date' },
  { name: 'until', label: 'To', placeholder: undefined, type: 'date' },
] as const
const PAUSE_MS = 250

/** Which entries to show; all of it stands in the address. */
export function ActivityFilter({ search, environment }: { search: ActivitySearch; environment: string }) {
  const navigate = useNavigate()
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const set = (name: keyof ActivitySearch, value: string | undefined) =>
    navigate({ to: '/activity', search: (now) => ({ ...now, [name]: value }), replace: true })
  // The fields keep what is typed; another key makes them new and empty.
  const [clearings, setClearings] = useState(0)
  const isFiltered = Object.keys(search).length > 0
  return (
    <search key={clearings} className="flex flex-wrap items-end gap-x-4 gap-y-3">
      <Choice
        label="Scope"
        value={search.scope ?? 'all'}
        onChoose={(scope) => void set('scope', scope === 'all' ? undefined : scope)}
        options={[
          { value: 'all', words: 'Everything' },
          { value: 'environment', words: `Only ${environment}` },
        ]}
      />
      {FIELDS.map(({ name, label, type, placeholder }) => (
        <TextField
          key={name}
          className={type === 'date' ? 'w-[calc(50%-0.5rem)] sm:w-36' : 'w-full sm:w-52'}
          {...{ label, type, placeholder }}
          defaultValue={search[name] ?? ''}
          maxLength={255}
          autoComplete="off"
          onChange={({ target }) => {
            clearTimeout(timer.current)
            timer.current = setTimeout(() => void set(name, target.value.trim() || undefined), PAUSE_MS)
          }}
        />
      ))}
      {isFiltered && (
        <Button
          weight="quiet"
          onClick={() => {
            setClearings(clearings + 1)
            void navigate({ to: '/activity', search: {} })
          }}
        >
          Clear the filters
        </Button>
      )}
    </search>
  )
}
