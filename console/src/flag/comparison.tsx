import type { ReactNode } from 'react'
import type { Environment, FlagDocument } from '../api/documents.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { EnvironmentBadge } from '../parts/badges/environment.tsx'
import { ShortTable } from '../parts/tables/short-table.tsx'
import type { Column } from '../parts/tables/virtual-table.tsx'
import { type GateRow, gateRows, type InEnvironment } from './gate-rows.tsx'

interface ComparisonProps {
  readonly flag: FlagDocument
  /** What can be done in an environment; undefined for nothing. */
  readonly actionsIn: ((environment: Environment) => ReactNode) | undefined
}

/** The environments side by side; what differs from the one of the page is marked. */
export function Comparison({ flag, actionsIn }: ComparisonProps) {
  const here = useEnvironment()
  const own = flag.environments.find(({ environment }) => environment === here)
  const columns: Column<GateRow>[] = [
    { key: 'head', head: 'Gate', cell: ({ head }) => head, className: 'md:text-faded' },
    ...flag.environments.map((one) => ({
      key: one.environment,
      head: <EnvironmentBadge environment={one.environment} />,
      className: 'md:w-[17%]',
      cell: (row: GateRow) => <Cell {...{ row, one, own, here }} />,
    })),
  ]
  const actions: GateRow = {
    key: 'actions',
    head: 'Actions',
    cell: ({ environment }) => actionsIn?.(environment) ?? null,
  }
  const rows = [...gateRows(flag), ...(actionsIn === undefined ? [] : [actions])]
  return (
    <>
      <ShortTable caption="The flag in each environment" columns={columns} rows={rows} keyOf={({ key }) => key} />
      {flag.environments.some(({ is_as_others: isSame }) => !isSame) && (
        <p className="mt-2 text-sm text-faded">Cells with a bar differ from {here}.</p>
      )}
    </>
  )
}

interface CellProps {
  readonly row: GateRow
  readonly one: InEnvironment
  readonly own: InEnvironment | undefined
  readonly here: Environment
}

function Cell({ row, one, own, here }: CellProps) {
  const isDifferent = own !== undefined && row.compared !== undefined && row.compared(one) !== row.compared(own)
  if (!isDifferent) return row.cell(one)
  return (
    <div className="-mx-1 rounded-sm border-l-4 border-edge bg-sunken px-1.5">
      {row.cell(one)}
      <span className="sr-only">, differs from {here}</span>
    </div>
  )
}
