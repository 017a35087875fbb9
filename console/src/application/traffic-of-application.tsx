import { useQuery } from '@tanstack/react-query'
import { trafficQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { TrafficChart } from '../charts/traffic-chart.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'

/** The flows of the application on both sides within the last day. */
export function TrafficOfApplication({ id }: { id: string }) {
  const traffic = useQuery(trafficQuery(useEnvironment(), 'day', id))
  return (
    <Section title="Traffic, last day">
      <QueryPart query={traffic} of="its traffic">
        {(document) => <TrafficChart traffic={document} range="day" />}
      </QueryPart>
    </Section>
  )
}
