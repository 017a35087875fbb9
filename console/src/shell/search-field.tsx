import { useNavigate } from '@tanstack/react-router'
import type { Ref } from 'react'

/** The search of the banner: leads to the applications with this text in their name or client_id, or with this id. */
export function SearchField({ field }: { field: Ref<HTMLInputElement> }) {
  const navigate = useNavigate()
  return (
    <search className="min-w-0 flex-1 sm:max-w-72">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const search = String(new FormData(event.currentTarget).get('search') ?? '').trim()
          void navigate({ to: '/applications', search: search === '' ? {} : { search } })
        }}
      >
        <input
          ref={field}
          name="search"
          type="search"
          aria-label="Search applications"
          aria-keyshortcuts="/"
          placeholder="Search  /"
          maxLength={255}
          autoComplete="off"
          className="min-h-9 w-full rounded-md border border-edge bg-surface px-2.5 py-1.5 text-sm"
        />
      </form>
    </search>
  )
}
