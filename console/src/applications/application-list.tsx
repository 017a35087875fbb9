import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { useCaller } from '../api/caller.ts'
import { applicationsQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { counted } from '../format/numbers.ts'
import { Button } from '../parts/actions/button.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { useSteadyRows } from '../parts/tables/steady-rows.ts'
import { VirtualTable } from '../parts/tables/virtual-table.tsx'
import { applicationColumns, type Row, type Selection } from './application-columns.tsx'
import { BulkBar } from './bulk-bar.tsx'
import { type ListSearch, type ListSort, nextOrder, orderOf } from './list-search.ts'

const route = getRouteApi('/applications')
const keyOf = ({ id }: Row) => id

/** The list, sorted and searched by the server, and read page by page as it is scrolled. */
export function ApplicationList({ search }: { search: ListSearch }) {
  const environment = useEnvironment()
  const filter = { ...search, ...orderOf(search) }
  const query = useInfiniteQuery({ ...applicationsQuery(environment, filter), placeholderData: keepPreviousData })
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  return (
    <QueryPart query={query} of="the applications">
      {({ pages }) => (
        <Rows
          list={JSON.stringify([environment, filter])}
          loaded={pages.flatMap(({ applications }) => applications)}
          total={pages[0]?.total ?? undefined}
          {...{ search, onEnd }}
        />
      )}
    </QueryPart>
  )
}

interface RowsProps {
  readonly list: string
  readonly loaded: readonly Row[]
  readonly total: number | undefined
  readonly search: ListSearch
  readonly onEnd: () => void
}

function Rows({ list, loaded, total, search, onEnd }: RowsProps) {
  const { rows, waiting, show } = useSteadyRows(list, loaded, keyOf)
  const { selection, clear } = useSelection()
  const navigate = route.useNavigate()
  const columns = useMemo(() => {
    const onSort = (sort: ListSort) =>
      void navigate({ search: (previous) => ({ ...previous, ...nextOrder(previous, sort) }), replace: true })
    return applicationColumns({ search, onSort }, selection)
  }, [search, selection, navigate])
  if (rows.length === 0) return <NoRows isFiltered={['search', 'side', 'failing'].some((name) => name in search)} />
  return (
    <>
      <div className="flex min-h-9 flex-wrap items-center justify-between gap-3 text-sm text-faded">
        <p role="status">{total === undefined ? '' : counted(total, 'application')}</p>
        {waiting > 0 && <Button onClick={show}>Show {waiting} new</Button>}
      </div>
      <VirtualTable caption="Applications" {...{ columns, rows, keyOf, total, onEnd }} />
      <BulkBar selected={selection?.selected ?? NONE} rows={rows} onClear={clear} />
    </>
  )
}

const NONE: ReadonlySet<number> = new Set()

/** The selection of those who may move applications; undefined for everyone else. */
function useSelection(): { selection: Selection | undefined; clear: () => void } {
  const { may } = useCaller()
  const mayMove = may('flags.write', useEnvironment())
  const [selected, setSelected] = useState(NONE)
  const onToggle = useCallback((id: number) => {
    setSelected((before) => {
      const after = new Set(before)
      if (!after.delete(id)) after.add(id)
      return after
    })
  }, [])
  const clear = useCallback(() => setSelected(NONE), [])
  return {
    selection: useMemo(() => (mayMove ? { selected, onToggle } : undefined), [mayMove, selected, onToggle]),
    clear,
  }
}

function NoRows({ isFiltered }: { isFiltered: boolean }) {
  return (
    <Empty>
      {isFiltered
        ? 'No application matches. Change the search or the filters.'
        : 'No application is known yet. Replication announces them as soon as the platform has any.'}
    </Empty>
  )
}
