import type { Column } from './virtual-table.tsx'

interface ShortTableProps<Row> {
  /** What it lists, for screen readers. */
  readonly caption: string
  readonly columns: ReadonlyArray<Column<Row>>
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string | number
  /** Marks a row among the others, such as the one that counts. */
  readonly rowForm?: (row: Row) => string
}

/**
 * A table of a few dozen rows at most. On a narrow screen each row becomes a block of labelled lines; the roles keep it
 * a table for screen readers.
 */
export function ShortTable<Row>({ caption, columns, rows, keyOf, rowForm }: ShortTableProps<Row>) {
  return (
    // biome-ignore-start lint/a11y: a table that is shown as blocks loses its own roles in browsers
    <table role="table" className="block w-full text-sm md:table">
      <caption className="sr-only">{caption}</caption>
      <thead role="rowgroup" className="sr-only md:not-sr-only md:table-header-group">
        <tr role="row" className="border-b border-edge text-left text-faded">
          {columns.map(({ key, head, className }) => (
            <th key={key} role="columnheader" scope="col" className={`px-2 py-2 font-medium ${className ?? ''}`}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup" className="block md:table-row-group">
        {rows.map((row) => (
          <tr
            key={keyOf(row)}
            role="row"
            className={`block border-b border-line py-2 last:border-b-0 md:table-row md:py-0 ${rowForm?.(row) ?? ''}`}
          >
            {columns.map(({ key, head, cell, className }, at) => (
              <td
                key={key}
                role="cell"
                className={`gap-2 py-0.5 md:table-cell md:px-2 md:py-2 md:align-baseline ${at === 0 ? 'block font-medium md:font-normal' : 'grid grid-cols-[8rem_minmax(0,1fr)]'} ${className ?? ''}`}
              >
                <span aria-hidden="true" className={at === 0 ? 'hidden' : 'text-faded md:hidden'}>
                  {head}
                </span>
                <div className="min-w-0">{cell(row)}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
    // biome-ignore-end lint/a11y: see above
  )
}
