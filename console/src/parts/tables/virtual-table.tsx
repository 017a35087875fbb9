import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useEffect, useRef } from 'react'

/** A column of a table: its heading, and what it shows of a row. */
export interface Column<Row> {
  readonly key: string
  readonly head: ReactNode
  readonly cell: (row: Row) => ReactNode
  /** Width, alignment, and from which window width on it is shown. */
  readonly className?: string
  readonly sort?: 'ascending' | 'descending' | undefined
}

interface VirtualTableProps<Row> {
  /** What it lists, for screen readers. */
  readonly caption: string
  readonly columns: ReadonlyArray<Column<Row>>
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string | number
  /** How many rows there are in all, with those that are not loaded; undefined if that is unknown. */
  readonly total?: number | undefined
  /** Called when the end of the loaded rows comes into sight. */
  readonly onEnd?: (() => void) | undefined
}

const ROW_PX = 44
const AHEAD = 12

/** A table that draws only the rows in sight, so that a hundred thousand scroll like ten. The window scrolls it. */
export function VirtualTable<Row>({ caption, columns, rows, keyOf, total, onEnd }: VirtualTableProps<Row>) {
  const place = useRef<HTMLTableSectionElement>(null)
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_PX,
    overscan: AHEAD,
    scrollMargin: place.current?.offsetTop ?? 0,
    getItemKey: (index) => keyOf(rows[index] as Row),
  })
  const shown = virtual.getVirtualItems()
  const last = shown.at(-1)?.index ?? -1
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - AHEAD) onEnd?.()
  }, [last, rows.length, onEnd])
  const margin = virtual.options.scrollMargin
  const before = (shown[0]?.start ?? margin) - margin
  const after = virtual.getTotalSize() - ((shown.at(-1)?.end ?? margin) - margin)
  return (
    <table className="w-full table-fixed text-sm" aria-rowcount={(total ?? rows.length) + 1}>
      <caption className="sr-only">{caption}</caption>
      <thead>
        <tr aria-rowindex={1} className="border-b border-edge text-left text-faded">
          {columns.map(({ key, head, className, sort }) => (
            <th key={key} scope="col" aria-sort={sort} className={`px-2 py-2 font-medium ${className ?? ''}`}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={place}>
        {before > 0 && <Space height={before} />}
        {shown.map(({ index, key }) => (
          <tr
            key={key}
            data-index={index}
            ref={virtual.measureElement}
            aria-rowindex={index + 2}
            className="border-b border-line hover:bg-sunken"
          >
            {columns.map((column) => (
              <td key={column.key} className={`px-2 py-2 align-middle ${column.className ?? ''}`}>
                {column.cell(rows[index] as Row)}
              </td>
            ))}
          </tr>
        ))}
        {after > 0 && <Space height={after} />}
      </tbody>
    </table>
  )
}

/** The room of rows that are not drawn. */
function Space({ height }: { height: number }) {
  return (
    <tr>
      <td style={{ height, padding: 0 }} />
    </tr>
  )
}
