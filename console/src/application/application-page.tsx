import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ApiProblem } from '../api/problem.ts'
import { applicationQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Page } from '../parts/layout/page.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { ApplicationName } from '../parts/text/name.tsx'
import { ApplicationState } from './application-state.tsx'
import { FlowsByKind } from './flows-by-kind.tsx'
import { GuardSection } from './guard-section.tsx'
import { HistorySection } from './history-section.tsx'
import { RegistrationSection } from './registration-section.tsx'
import { TrafficOfApplication } from './traffic-of-application.tsx'

const route = getRouteApi('/applications/$id')

/** Where does it run, how does it do, can I move it? */
export function ApplicationPage() {
  const environment = useEnvironment()
  const { id } = route.useParams()
  const application = useQuery(applicationQuery(environment, id))
  const { data, error } = application
  const isGone = error instanceof ApiProblem && error.status === 404
  return (
    <Page
      title={data?.name ?? `Application ${id}`}
      heading={data && <ApplicationName name={data.name ?? null} id={data.id} />}
      aside={
        <Link to="/applications" className="text-sm underline underline-offset-4">
          ‹ All applications
        </Link>
      }
    >
      {isGone ? (
        <Empty>No application has the id or client_id “{id}”, or it has been removed.</Empty>
      ) : (
        <QueryPart query={application} of="the application">
          {(document) => (
            <div className="flex flex-col gap-4">
              <ApplicationState application={document} />
              <div className="grid items-start gap-4 lg:grid-cols-2">
                <div className="flex min-w-0 flex-col gap-4">
                  <GuardSection id={id} />
                  <TrafficOfApplication id={id} />
                </div>
                <div className="flex min-w-0 flex-col gap-4">
                  <FlowsByKind id={id} />
                  <HistorySection id={id} newest={document.history} />
                  <RegistrationSection application={document} />
                </div>
              </div>
            </div>
          )}
        </QueryPart>
      )}
    </Page>
  )
}
