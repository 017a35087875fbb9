import { getRouteApi } from '@tanstack/react-router'
import { Page } from '../parts/layout/page.tsx'
import { ApplicationList } from './application-list.tsx'
import { ListFilter } from './list-filter.tsx'

const route = getRouteApi('/applications')

/** Which applications are in trouble, which are next? */
export function ApplicationsPage() {
  const search = route.useSearch()
  return (
    <Page title="Applications">
      <ListFilter search={search} />
      <ApplicationList search={search} />
    </Page>
  )
}
