import { Link } from '@tanstack/react-router'
import type { ListDocument } from '../api/documents.ts'
import { inFigures } from '../format/numbers.ts'
import { SideBadge } from '../parts/badges/side.tsx'
import { TroubleBadge } from '../parts/badges/trouble.tsx'
import { EvidenceBar } from '../parts/shares/evidence-bar.tsx'
import { SortButton } from '../parts/tables/sort-button.tsx'
import type { Column } from '../parts/tables/virtual-table.tsx'
import { ApplicationName } from '../parts/text/name.tsx'
import { type ListSearch, type ListSort, orderOf } from './list-search.ts'

/** A row of the list. */
export type Row = ListDocument['applications'][number]

/** Which rows are selected, for those who may move applications. */
export interface Selection {
  readonly selected: ReadonlySet<number>
  readonly onToggle: (id: number) => void
}

interface Order {
  readonly search: ListSearch
  readonly onSort: (sort: ListSort) => void
}

/** The columns of the list. The first that disappear on a narrow screen are those that other columns explain. */
export function applicationColumns(order: Order, selection: Selection | undefined): Column<Row>[] {
  return [
    ...(selection === undefined ? [] : [selectionColumn(selection)]),
    { key: 'name', ...sorted(order, 'name', 'Application'), cell: nameCell },
    { key: 'side', head: 'Side', className: 'w-20', cell: ({ side }) => <SideBadge side={side} /> },
    {
      key: 'trouble',
      ...sorted(order, 'trouble', 'Trouble'),
      className: 'hidden w-40 sm:table-cell',
      cell: ({ trouble }) => <TroubleBadge trouble={trouble} />,
    },
    { key: 'gate', head: 'Decided by', className: 'hidden w-36 2xl:table-cell', cell: ({ flag }) => flag.gate },
    {
      key: 'traffic',
      ...sorted(order, 'traffic', 'Flows a day'),
      className: 'hidden w-28 text-right md:table-cell',
      cell: ({ traffic_per_day: flows }) => numberCell(flows),
    },
    {
      key: 'failed',
      head: 'Failed',
      className: 'hidden w-16 text-right md:table-cell',
      cell: ({ failed }) => numberCell(failed),
    },
    { key: 'evidence', head: 'Evidence', className: 'hidden w-32 lg:table-cell', cell: evidenceCell },
    {
      key: 'credentials',
      head: 'Live at iam',
      className: 'hidden w-24 text-right lg:table-cell',
      cell: ({ iam_credentials: count }) => numberCell(count),
    },
  ]
}

function sorted({ search, onSort }: Order, sort: ListSort, words: string): Pick<Column<Row>, 'head' | 'sort'> {
  const now = orderOf(search)
  const direction = now.sort !== sort ? undefined : now.order === 'asc' ? 'ascending' : 'descending'
  return { sort: direction, head: <SortButton words={words} sort={direction} onSort={() => onSort(sort)} /> }
}

function selectionColumn({ selected, onToggle }: Selection): Column<Row> {
  return {
    key: 'selection',
    head: <span className="sr-only">Selected</span>,
    className: 'w-9',
    cell: ({ id, name }) => (
      <input
        type="checkbox"
        className="block size-4 accent-ink"
        aria-label={`Select ${name ?? `application ${id}`}`}
        checked={selected.has(id)}
        onChange={() => onToggle(id)}
      />
    ),
  }
}

/** The name with the id; on a phone the trouble, which has no column there, stands below it. */
function nameCell({ id, name, trouble, is_probe_twin: isTwin }: Row) {
  return (
    <>
      <Link
        to="/applications/$id"
        params={{ id: String(id) }}
        className="flex min-w-0 gap-2 underline-offset-4 hover:underline"
      >
        <ApplicationName name={name} id={id} />
        <span className="text-faded">#{id}</span>
        {isTwin && <span className="whitespace-nowrap text-faded">only probes use it</span>}
      </Link>
      <span className="sm:hidden">
        <TroubleBadge trouble={trouble} />
      </span>
    </>
  )
}

function evidenceCell({ evidence }: Row) {
  if (evidence === null) return <span className="text-faded">not moved</span>
  return (
    <span className="flex items-center gap-2" title={evidence.sentence}>
      <EvidenceBar evidence={evidence.evidence} threshold={evidence.threshold} />
      <span className="w-12 shrink-0 text-right">{inFigures(evidence.evidence)}</span>
    </span>
  )
}

function numberCell(value: number | null) {
  return value === null ? <span className="text-faded">unknown</span> : inFigures(value)
}
