import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useCaller } from '../api/caller.ts'
import { rolloutsQuery } from '../api/rollouts.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { buttonForm } from '../parts/actions/button.tsx'
import { Choice } from '../parts/fields/choice.tsx'
import { Page } from '../parts/layout/page.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { RolloutList } from './rollout-list.tsx'
import type { Shown } from './rollouts-search.ts'

const route = getRouteApi('/rollouts')

const SHOWN: ReadonlyArray<{ value: Shown; words: string }> = [
  { value: 'all', words: 'All' },
  { value: 'active', words: 'In progress' },
  { value: 'ended', words: 'Ended' },
]

/** What is moving? */
export function RolloutsPage() {
  const environment = useEnvironment()
  const { show = 'all' } = route.useSearch()
  const navigate = route.useNavigate()
  const { may } = useCaller()
  const rollouts = useQuery(rolloutsQuery(environment))
  return (
    <Page
      title="Rollouts"
      aside={
        <div className="flex flex-wrap items-center gap-3">
          <Choice
            label="Which rollouts"
            value={show}
            options={SHOWN}
            onChoose={(chosen) => void navigate({ search: chosen === 'all' ? {} : { show: chosen }, replace: true })}
          />
          {may('rollouts.create', environment) && (
            <Link to="/rollouts/new" className={buttonForm('primary')}>
              Write a plan
            </Link>
          )}
        </div>
      }
    >
      <QueryPart query={rollouts} of="the rollouts">
        {(document) => <RolloutList rollouts={document.rollouts} show={show} />}
      </QueryPart>
    </Page>
  )
}
