import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { applicationsQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { SideBadge } from '../parts/badges/side.tsx'
import { Page } from '../parts/layout/page.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { ApplicationName } from '../parts/text/name.tsx'

const route = getRouteApi('/applications')

/** Which applications are in trouble, which are next? */
export function ApplicationsPage() {
  const environment = useEnvironment()
  const search = route.useSearch()
  const list = useQuery({ ...applicationsQuery(environment, search), placeholderData: keepPreviousData })
  return (
    <Page title="Applications">
      <QueryPart query={list} of="the applications">
        {({ applications }) =>
          applications.length === 0 ? (
            <Empty>No application matches.</Empty>
          ) : (
            <ul>
              {applications.map(({ id, name, side }) => (
                <li key={id} className="flex items-center gap-3 border-b border-line py-1.5">
                  <SideBadge side={side} />
                  <ApplicationName id={id} name={name} />
                </li>
              ))}
            </ul>
          )
        }
      </QueryPart>
    </Page>
  )
}
