import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type Range, trafficQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { TrafficChart } from '../charts/traffic-chart.tsx'
import { Choice } from '../parts/fields/choice.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'

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
        {(document) => <TrafficChart traffic={document} range={range} />}
      </QueryPart>
    </Section>
  )
}
