import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { Choice } from '../parts/fields/choice.tsx'
import { TextField } from '../parts/fields/text-field.tsx'
import type { ListSearch } from './list-search.ts'

const PAUSE_MS = 75

/** The search and the filters of the list; they are part of the address. */
export function ListFilter({ search }: { search: ListSearch }) {
  const navigate = useNavigate({ from: '/applications' })
  const field = useRef<HTMLInputElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const text = search.search ?? ''
  useEffect(() => {
    // The address may change by the search of the banner or by "back"; what is being typed here is newer than both.
    if (field.current !== null && document.activeElement !== field.current) field.current.value = text
  }, [text])
  const set = (changes: ListSearch, without: ReadonlyArray<keyof ListSearch> = []) =>
    navigate({
      search: (previous) =>
        Object.fromEntries(
          Object.entries({ ...previous, ...changes }).filter(([name]) => !without.includes(name as keyof ListSearch)),
        ),
      replace: true,
    })
  const type = (value: string) => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => void (value === '' ? set({}, ['search']) : set({ search: value })), PAUSE_MS)
  }
  return (
    <div className="flex flex-wrap items-end gap-x-4 gap-y-2">
      <TextField
        ref={field}
        type="search"
        className="w-full sm:w-72"
        label="Name, client_id or id"
        defaultValue={text}
        maxLength={255}
        autoComplete="off"
        onChange={({ target }) => type(target.value.trim())}
      />
      <Choice
        label="Side"
        value={search.side ?? 'all'}
        onChoose={(side) => void (side === 'all' ? set({}, ['side']) : set({ side }))}
        options={[
          { value: 'all', words: 'Both sides' },
          { value: 'rails', words: 'rails' },
          { value: 'iam', words: 'iam' },
        ]}
      />
      <label className="flex min-h-9 cursor-pointer items-center gap-2 text-sm">
        <input
          type="checkbox"
          className="size-4 accent-ink"
          checked={search.failing === 'true'}
          onChange={({ target }) => void (target.checked ? set({ failing: 'true' }) : set({}, ['failing']))}
        />
        Only failing
      </label>
    </div>
  )
}
