import type { ExplainDocument } from '../api/documents.ts'
import { begun } from '../format/sentences.ts'
import { SideBadge } from '../parts/badges/side.tsx'
import { ShortTable } from '../parts/tables/short-table.tsx'
import type { Column } from '../parts/tables/virtual-table.tsx'

type Row = NonNullable<ExplainDocument['table']>[number]
interface ComparedRow {
  readonly at: number
  readonly now: Row
  readonly other: Row | undefined
}

interface DecisionTableProps {
  readonly table: readonly Row[]
  /** The same table under the assumption. */
  readonly assumed: readonly Row[] | undefined
  /** The assumption, as it completes "with …". */
  readonly assumption: string | undefined
}

/** The decision table: the first row that applies wins, and each row before it says why it does not. */
export function DecisionTable({ table, assumed, assumption }: DecisionTableProps) {
  const rows = table.map((now, at) => ({ at: at + 1, now, other: assumed?.[at] }))
  const columns: Column<ComparedRow>[] = [
    {
      key: 'when',
      head: 'When',
      className: 'md:w-[38%]',
      cell: ({ at, now }) => (
        <span className="flex gap-2">
          <span className="w-5 shrink-0 text-right text-faded">{at}</span>
          {begun(now.when)}
        </span>
      ),
    },
    { key: 'now', head: assumed === undefined ? 'This request' : 'Now', cell: ({ now }) => <Outcome row={now} /> },
    ...(assumed === undefined
      ? []
      : [
          {
            key: 'other',
            head: `With ${assumption ?? 'another state'}`,
            cell: ({ other }: ComparedRow) => other && <Outcome row={other} />,
          },
        ]),
  ]
  return (
    <ShortTable
      caption="The decision table"
      columns={columns}
      rows={rows}
      keyOf={({ at }) => at}
      rowForm={({ now, other }) =>
        now.outcome === 'wins'
          ? 'bg-sunken font-medium'
          : now.outcome === 'not_reached' && other?.outcome !== 'wins'
            ? 'text-faded'
            : ''
      }
    />
  )
}

function Outcome({ row: { outcome, destination, because } }: { row: Row }) {
  if (outcome === 'not_reached') return <span className="font-normal text-faded">not reached</span>
  if (outcome === 'does_not_apply') return <span className="font-normal">no: {because}</span>
  return (
    <span className="flex flex-wrap items-baseline gap-2">
      <span aria-hidden="true" className="font-bold">
        ✓
      </span>
      applies, goes to {destination === null ? 'the side of its issuer' : <SideBadge side={destination} />}
    </span>
  )
}
