interface SortButtonProps {
  readonly words: string
  readonly sort: 'ascending' | 'descending' | undefined
  readonly onSort: () => void
}

const SIGNS = { ascending: '↑', descending: '↓' } as const

/** The heading of a column that the server can sort. */
export function SortButton({ words, sort, onSort }: SortButtonProps) {
  return (
    <button
      type="button"
      onClick={onSort}
      className={`text-left underline decoration-line underline-offset-4 hover:decoration-ink ${sort === undefined ? 'font-medium' : 'font-semibold text-ink'}`}
    >
      {words}
      {sort !== undefined && <span aria-hidden="true"> {SIGNS[sort]}</span>}
    </button>
  )
}
