import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { memo, type ReactNode, type Ref, useEffect, useLayoutEffect, useRef, useState } from 'react'

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
  const [top, setTop] = useState(0)
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_PX,
    overscan: AHEAD,
    scrollMargin: top,
    getItemKey: (index) => keyOf(rows[index] as Row),
  })
  const shown = virtual.getVirtualItems()
  const last = shown.at(-1)?.index ?? -1
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - AHEAD) onEnd?.()
  }, [last, rows.length, onEnd])
  // What is above the table grows and shrinks; a different place moves every row.
  useLayoutEffect(() => {
    const now = Math.round((place.current?.getBoundingClientRect().top ?? 0) + window.scrollY)
    if (now !== top) setTop(now)
  })
  const before = (shown[0]?.start ?? top) - top
  const after = virtual.getTotalSize() - ((shown.at(-1)?.end ?? top) - top)
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
          <TableRow key={key} row={rows[index] as Row} {...{ index, columns }} measure={virtual.measureElement} />
        ))}
        {after > 0 && <Space height={after} />}
      </tbody>
    </table>
  )
}

interface TableRowProps<Row> {
  readonly row: Row
  readonly index: number
  readonly columns: ReadonlyArray<Column<Row>>
  readonly measure: Ref<HTMLTableRowElement>
}

/** One row; scrolling draws only those that come into sight. */
const TableRow = memo(function TableRow<Row>({ row, index, columns, measure }: TableRowProps<Row>) {
  return (
    <tr data-index={index} ref={measure} aria-rowindex={index + 2} className="border-b border-line hover:bg-sunken">
      {columns.map((column) => (
        <td key={column.key} className={`px-2 py-2 align-middle ${column.className ?? ''}`}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  )
}) as <Row>(props: TableRowProps<Row>) => ReactNode

/** The room of rows that are not drawn. */
function Space({ height }: { height: number }) {
  return (
    <tr>
      <td style={{ height, padding: 0 }} />
    </tr>
  )
}
