import { getRouteApi } from '@tanstack/react-router'
import { apiAddress } from '../api/address.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { buttonForm } from '../parts/actions/button.tsx'
import { Page } from '../parts/layout/page.tsx'
import { ActivityFilter } from './activity-filter.tsx'
import { ActivityList } from './activity-list.tsx'
import { filterOf, readActivitySearch } from './activity-search.ts'
import { ChainState } from './chain-state.tsx'

const route = getRouteApi('/activity')

/** Who changed what? */
export function ActivityPage() {
  const environment = useEnvironment()
  // The address also names the environment, which is no filter.
  const search = readActivitySearch(route.useSearch())
  const filter = filterOf(search, environment)
  const exported = (format: 'csv' | 'jsonl') => apiAddress('api/v1/audit/export', { ...filter, format }).href
  const isFiltered = Object.keys(search).length > 0
  return (
    <Page
      title="Activity"
      aside={
        <p className="flex flex-wrap gap-2">
          <a className={buttonForm()} download href={exported('csv')}>
            Export as CSV
          </a>
          <a className={buttonForm()} download href={exported('jsonl')}>
            Export as JSONL
          </a>
        </p>
      }
    >
      <ChainState />
      <ActivityFilter search={search} environment={environment} />
      <ActivityList filter={filter} isFiltered={isFiltered} />
    </Page>
  )
}
