import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import type { Query } from '../api/address.ts'
import { Button } from '../parts/actions/button.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { useSteadyRows } from '../parts/tables/steady-rows.ts'
import { type Column, VirtualTable } from '../parts/tables/virtual-table.tsx'
import { Time } from '../parts/text/time.tsx'
import { type Entry, EntryEnvironment, EntrySentence } from './activity-entry.tsx'
import { activityQuery } from './activity-queries.ts'

const keyOf = ({ number }: Entry) => number
const COLUMNS: Column<Entry>[] = [
  {
    key: 'at',
    head: 'When',
    className: 'w-28 align-top sm:w-44',
    cell: ({ at }) => (
      <span className="flex flex-wrap gap-x-2">
        <Time at={at} show="moment" />
        <span className="text-faded">
          <Time at={at} show="age" />
        </span>
      </span>
    ),
  },
  { key: 'sentence', head: 'What', className: 'align-top', cell: (entry) => <EntrySentence entry={entry} /> },
  {
    key: 'environment',
    head: 'Environment',
    className: 'hidden w-32 align-top md:table-cell',
    cell: ({ environment }) => <EntryEnvironment name={environment} />,
  },
  {
    key: 'door',
    head: 'Through',
    className: 'hidden w-28 align-top lg:table-cell',
    cell: ({ door }) => door,
  },
]

/** The entries, read page by page as they are scrolled. */
export function ActivityList({ filter, isFiltered }: { filter: Query; isFiltered: boolean }) {
  const query = useInfiniteQuery({ ...activityQuery(filter), placeholderData: keepPreviousData })
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  return (
    <QueryPart query={query} of="the activity">
      {({ pages }) => (
        <Rows
          list={JSON.stringify(filter)}
          loaded={pages.flatMap(({ entries }) => entries)}
          {...{ onEnd, isFiltered }}
        />
      )}
    </QueryPart>
  )
}

interface RowsProps {
  readonly list: string
  readonly loaded: readonly Entry[]
  readonly onEnd: () => void
  readonly isFiltered: boolean
}

function Rows({ list, loaded, onEnd, isFiltered }: RowsProps) {
  const { rows, waiting, show } = useSteadyRows(list, loaded, keyOf)
  if (rows.length === 0) {
    return (
      <Empty>{isFiltered ? 'No entry matches. Change or clear the filters.' : 'Nothing has been changed yet.'}</Empty>
    )
  }
  return (
    <div className="flex flex-col items-start gap-2">
      {waiting > 0 && (
        <div role="status">
          <Button onClick={show}>Show {waiting} new</Button>
        </div>
      )}
      <VirtualTable caption="Activity, newest first" columns={COLUMNS} {...{ rows, keyOf, onEnd }} />
    </div>
  )
}
