import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useCallback, useMemo, useState } from 'react'
import { useCaller } from '../api/caller.ts'
import type { ListedApplicationDocument } from '../api/documents.ts'
import { applicationsQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Button } from '../parts/actions/button.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { useSteadyRows } from '../parts/tables/steady-rows.ts'
import { VirtualTable } from '../parts/tables/virtual-table.tsx'
import { applicationColumns } from './application-columns.tsx'
import { BulkBar } from './bulk-bar.tsx'
import type { ListSearch } from './list-search.ts'

const keyOf = ({ id }: ListedApplicationDocument) => id

/** The list, read page by page as it is scrolled. */
export function ApplicationList({ search }: { search: ListSearch }) {
  const environment = useEnvironment()
  const query = useInfiniteQuery({
    ...applicationsQuery(environment, { ...search }),
    placeholderData: keepPreviousData,
  })
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  return (
    <QueryPart query={query} of="the applications">
      {({ pages }) => (
        <Rows
          list={JSON.stringify([environment, search])}
          loaded={pages.flatMap(({ applications }) => applications)}
          onEnd={onEnd}
          isFiltered={Object.keys(search).length > 0}
        />
      )}
    </QueryPart>
  )
}

interface RowsProps {
  readonly list: string
  readonly loaded: readonly ListedApplicationDocument[]
  readonly onEnd: () => void
  readonly isFiltered: boolean
}

function Rows({ list, loaded, onEnd, isFiltered }: RowsProps) {
  const environment = useEnvironment()
  const { may } = useCaller()
  const mayMove = may('flags.write', environment)
  const { rows, waiting, show } = useSteadyRows(list, loaded, keyOf)
  const [selected, setSelected] = useState<ReadonlySet<number>>(new Set())
  const columns = useMemo(() => {
    const onToggle = (id: number) =>
      setSelected((before) =>
        before.has(id) ? new Set([...before].filter((one) => one !== id)) : new Set(before).add(id),
      )
    return applicationColumns(mayMove ? { selected, onToggle } : undefined)
  }, [mayMove, selected])
  if (rows.length === 0) {
    return (
      <Empty>
        {isFiltered
          ? 'No application matches. Change the search or the filters.'
          : 'No application is known yet. Replication announces them as soon as the platform has any.'}
      </Empty>
    )
  }
  return (
    <>
      {waiting > 0 && <Button onClick={show}>Show {waiting} new</Button>}
      <VirtualTable caption="Applications" {...{ columns, rows, keyOf, onEnd }} />
      <BulkBar selected={selected} onClear={() => setSelected(new Set())} />
    </>
  )
}
