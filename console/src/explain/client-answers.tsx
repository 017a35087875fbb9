import { Link } from '@tanstack/react-router'
import type { ExplainedClientsDocument } from '../api/documents.ts'
import { counted } from '../format/numbers.ts'
import { SideBadge } from '../parts/badges/side.tsx'
import { type Column, VirtualTable } from '../parts/tables/virtual-table.tsx'
import { ApplicationName } from '../parts/text/name.tsx'

type Client = ExplainedClientsDocument['clients'][number]

interface ClientAnswersProps {
  readonly clients: readonly Client[]
  readonly assumption: string | undefined
}

/** Where new flows of many clients go, one line each. */
export function ClientAnswers({ clients, assumption }: ClientAnswersProps) {
  const onIam = clients.filter(({ destination }) => destination === 'iam').length
  const moved = clients.filter(({ destination, assumed }) => assumed !== null && assumed.destination !== destination)
  const columns: Column<Client>[] = [
    { key: 'client', head: 'Client', cell: clientOf },
    { key: 'now', head: 'Goes to', className: 'w-20', cell: ({ destination }) => <SideBadge side={destination} /> },
    ...(assumption === undefined
      ? []
      : [
          {
            key: 'other',
            head: `With ${assumption}`,
            className: 'w-28 sm:w-44',
            cell: ({ assumed }: Client) => assumed && <SideBadge side={assumed.destination} />,
          },
        ]),
    {
      key: 'why',
      head: 'Why',
      className: 'hidden md:table-cell',
      cell: whyOf,
    },
  ]
  return (
    <div className="flex flex-col gap-2">
      <p role="status" className="text-lg">
        New flows of {onIam} of {counted(clients.length, 'client')} go to iam, the others to rails.
        {assumption !== undefined &&
          ` With ${assumption}, ${moved.length === 0 ? 'none would change sides' : `${counted(moved.length, 'client')} would change sides`}.`}
      </p>
      <VirtualTable caption="Clients" columns={columns} rows={clients} keyOf={({ named }) => named} />
    </div>
  )
}

/** The first sentence only says which application it is, and the row names it already. */
function whyOf({ because, application }: Client) {
  const words = because.length > 1 && application !== null ? because.slice(1) : because
  return <span className="break-words">{words.join('; ')}</span>
}

function clientOf({ named, application }: Client) {
  if (application === null) {
    return (
      <span className="flex min-w-0 gap-2">
        <bdi className="truncate font-mono text-xs leading-5" title={named}>
          {named}
        </bdi>
        <span className="text-faded">unknown</span>
      </span>
    )
  }
  return (
    <Link
      to="/applications/$id"
      params={{ id: String(application.id) }}
      className="flex min-w-0 gap-2 underline-offset-4 hover:underline"
    >
      <ApplicationName name={application.name} id={application.id} />
      <span className="text-faded">#{application.id}</span>
    </Link>
  )
}
