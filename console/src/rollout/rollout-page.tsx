import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { ApiProblem } from '../api/problem.ts'
import { rolloutDetailsQuery, rolloutQuery } from '../api/rollouts.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { RolloutStateBadge } from '../parts/badges/rollout-state.tsx'
import { Page } from '../parts/layout/page.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { ActionBar } from './actions/action-bar.tsx'
import { ActionDialog } from './actions/action-dialog.tsx'
import { ChecklistSection } from './checklist-section.tsx'
import { EvidenceSection } from './evidence-section.tsx'
import { ExcludedSection } from './excluded/excluded-section.tsx'
import { Ladder } from './ladder.tsx'
import { LastDecision } from './last-decision.tsx'
import { NowAndNext } from './now-and-next.tsx'
import { PeopleSection } from './people-section.tsx'
import { PlanSection } from './plan-section.tsx'
import { RolloutFacts } from './rollout-facts.tsx'
import { Timeline } from './timeline.tsx'

const route = getRouteApi('/rollouts/$id')

/** Why is it here, what comes next, who was taken out? */
export function RolloutPage() {
  const { id } = route.useParams()
  const environment = useEnvironment()
  const navigate = route.useNavigate()
  const rollout = useQuery(rolloutQuery(id))
  const details = useQuery(rolloutDetailsQuery(id))
  const own = rollout.data?.environment
  useEffect(() => {
    // The bar, the brake and the live data must be those of the rollout, whatever the address said.
    if (own === undefined || own === environment) return
    void navigate({ search: (search) => ({ ...search, environment: own }), replace: true })
  }, [own, environment, navigate])
  const isGone = rollout.error instanceof ApiProblem && rollout.error.status === 404
  const name = rollout.data?.name ?? `Rollout ${id}`
  return (
    <Page
      title={name}
      heading={<bdi className="block break-words">{name}</bdi>}
      aside={rollout.data && <RolloutStateBadge state={rollout.data.state} />}
    >
      {isGone ? (
        <Empty>
          There is no rollout {id}.{' '}
          <Link to="/rollouts" className="text-ink underline underline-offset-4">
            All rollouts
          </Link>
        </Empty>
      ) : (
        <QueryPart query={rollout} of="the rollout">
          {(document) => (
            <div className="flex flex-col gap-4">
              <RolloutFacts rollout={document} />
              <Ladder rollout={document} />
              {/* Two columns of independent height; on a narrow screen, one column in order of importance. */}
              <div className="flex flex-col gap-4 lg:grid lg:grid-cols-2 lg:items-start">
                <div className="contents min-w-0 flex-col gap-4 lg:flex">
                  <NowAndNext rollout={document} readAt={rollout.dataUpdatedAt} details={details.data} />
                  <ActionBar rollout={document} details={details.data} />
                  <div className="order-1 flex min-w-0 flex-col gap-4">
                    <EvidenceSection rollout={document} query={details} />
                    <PeopleSection rollout={document} details={details.data} />
                    {document.state !== 'aborted' && <ChecklistSection rollout={document} />}
                    <Timeline id={id} />
                  </div>
                </div>
                <div className="contents min-w-0 flex-col gap-4 lg:flex">
                  <LastDecision id={id} />
                  <ExcludedSection rollout={document} details={details.data} />
                  <div className="order-2 min-w-0">
                    <PlanSection rollout={document} />
                  </div>
                </div>
              </div>
              <ActionDialog rollout={document} details={details.data} />
            </div>
          )}
        </QueryPart>
      )}
    </Page>
  )
}
