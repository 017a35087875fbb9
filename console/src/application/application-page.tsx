import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { applicationRowQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Page } from '../parts/layout/page.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { ApplicationName } from '../parts/text/name.tsx'
import { ApplicationState } from './application-state.tsx'
import { FlowsByKind } from './flows-by-kind.tsx'
import { GuardSection } from './guard-section.tsx'
import { TrafficOfApplication } from './traffic-of-application.tsx'

const route = getRouteApi('/applications/$id')

/** Where does it run, how does it do, can I move it? */
export function ApplicationPage() {
  const environment = useEnvironment()
  const { id } = route.useParams()
  const row = useQuery(applicationRowQuery(environment, id))
  const name = row.data?.name ?? `Application ${id}`
  return (
    <Page title={name} heading={row.data && <ApplicationName name={row.data.name} id={row.data.id} />}>
      <QueryPart query={row} of="the application">
        {(application) =>
          application === null ? (
            <Empty>No application has the id or client_id {id}. It may have been removed.</Empty>
          ) : (
            <div className="flex flex-col gap-4">
              <ApplicationState application={application} />
              <div className="grid items-start gap-4 lg:grid-cols-2">
                <div className="flex min-w-0 flex-col gap-4">
                  <GuardSection id={id} />
                  <TrafficOfApplication id={id} />
                </div>
                <FlowsByKind id={id} />
              </div>
            </div>
          )
        }
      </QueryPart>
    </Page>
  )
}
