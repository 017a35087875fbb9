import { Link } from '@tanstack/react-router'
import type { ListedApplicationDocument } from '../api/documents.ts'
import { inFigures, inPercent } from '../format/numbers.ts'
import { SideBadge } from '../parts/badges/side.tsx'
import { VerdictBadge } from '../parts/badges/verdict.tsx'
import type { Column } from '../parts/tables/virtual-table.tsx'
import { ApplicationName } from '../parts/text/name.tsx'

interface Selection {
  readonly selected: ReadonlySet<number>
  readonly onToggle: (id: number) => void
}

/** The columns of the list; a selection only for those who may move applications. */
export function applicationColumns(selection: Selection | undefined): Column<ListedApplicationDocument>[] {
  return [
    ...(selection === undefined ? [] : [selectionColumn(selection)]),
    {
      key: 'name',
      head: 'Application',
      cell: ({ id, name }) => (
        <Link
          to="/applications/$id"
          params={{ id: String(id) }}
          className="flex min-w-0 gap-2 underline-offset-4 hover:underline"
        >
          <ApplicationName name={name} id={id} />
          <span className="text-faded">#{id}</span>
        </Link>
      ),
    },
    { key: 'side', head: 'Side', className: 'w-20', cell: ({ side }) => <SideBadge side={side} /> },
    { key: 'gate', head: 'Decided by', className: 'hidden w-44 lg:table-cell', cell: ({ flag }) => flag.gate },
    { key: 'state', head: 'On iam', className: 'w-40 sm:w-52', cell: stateOnIam },
    {
      key: 'version',
      head: 'Held by iam',
      className: 'hidden w-40 md:table-cell',
      cell: ({ arrived, version, iam_version }) =>
        arrived ? 'current version' : iam_version === null ? 'no version' : `version ${iam_version} of ${version}`,
    },
  ]
}

function selectionColumn({ selected, onToggle }: Selection): Column<ListedApplicationDocument> {
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

/** What gateways report of its requests at iam, in a few words. */
function stateOnIam({ failing, report }: ListedApplicationDocument) {
  if (report === null) return <span className="text-faded">no traffic there</span>
  const all = report.successes + report.failures
  if (failing) {
    return (
      <span className="flex flex-wrap items-baseline gap-x-2">
        <VerdictBadge verdict="fail" />
        <span className="text-faded">
          {inFigures(report.failures)} of {inFigures(all)} failed
        </span>
      </span>
    )
  }
  return (
    <span>{all === 0 ? 'no traffic there' : `${inPercent(report.failures / all)} of ${inFigures(all)} failed`}</span>
  )
}
