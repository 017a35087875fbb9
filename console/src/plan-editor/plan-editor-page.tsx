import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { rolloutQuery } from '../api/rollouts.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Page } from '../parts/layout/page.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { planAsYaml } from '../parts/text/plan-yaml.ts'
import { PlanEditor } from './plan-editor.tsx'
import { planTemplate } from './plan-template.ts'

const route = getRouteApi('/rollouts/new')

/** What would this plan do? */
export function PlanEditorPage() {
  const environment = useEnvironment()
  const { from } = route.useSearch()
  return (
    <Page
      title="New rollout"
      aside={
        <Link to="/rollouts" className="text-sm underline underline-offset-4">
          All rollouts
        </Link>
      }
    >
      {from === undefined ? (
        <PlanEditor key={environment} storedAs={environment} initial={planTemplate(environment)} />
      ) : (
        <PlanOfRollout key={from} id={from} />
      )}
    </Page>
  )
}

function PlanOfRollout({ id }: { id: string }) {
  const rollout = useQuery(rolloutQuery(id))
  return (
    <QueryPart query={rollout} of="the plan to begin with">
      {({ plan }) => <PlanEditor storedAs={`from-${id}`} initial={planAsYaml(plan)} />}
    </QueryPart>
  )
}
