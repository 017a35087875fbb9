import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { type Range, trafficQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Choice } from '../parts/fields/choice.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Loading } from '../parts/states/states.tsx'

// The sentence of the page appears first; the chart is loaded while its values are read.
const loading = import('../charts/traffic-chart.tsx')
const TrafficChart = lazy(async () => ({ default: (await loading).TrafficChart }))

const route = getRouteApi('/')

const RANGES: ReadonlyArray<{ value: Range; words: string }> = [
  { value: 'hour', words: 'hour' },
  { value: 'day', words: 'day' },
  { value: 'week', words: 'week' },
]

/** The traffic of both sides, with flips and decisions marked. */
export function TrafficSection() {
  const environment = useEnvironment()
  const { range = 'hour' } = route.useSearch()
  const navigate = route.useNavigate()
  const traffic = useQuery({ ...trafficQuery(environment, range), placeholderData: keepPreviousData })
  return (
    <Section
      title={`Traffic, last ${range}`}
      aside={
        <Choice
          label="Range"
          value={range}
          options={RANGES}
          onChoose={(chosen) => void navigate({ search: (search) => ({ ...search, range: chosen }), replace: true })}
        />
      }
    >
      <QueryPart query={traffic} of="the traffic">
        {(document) => (
          <Suspense fallback={<Loading of="the traffic" />}>
            <TrafficChart traffic={document} range={range} height={140} listed={1} />
          </Suspense>
        )}
      </QueryPart>
    </Section>
  )
}
