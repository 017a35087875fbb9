import { useQuery } from '@tanstack/react-query'
import { overviewQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Page } from '../parts/layout/page.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { MovingNow } from './moving-now.tsx'
import { NeedsYou } from './needs-you.tsx'
import { SideComparison } from './side-comparison.tsx'
import { StateSentence } from './state-sentence.tsx'
import { TrafficSection } from './traffic-section.tsx'

/** Is the migration well, and does it need me? */
export function OverviewPage() {
  const environment = useEnvironment()
  const overview = useQuery(overviewQuery(environment))
  return (
    <Page title="Overview">
      <QueryPart query={overview} of="the state of the migration">
        {(document) => (
          <div className="flex flex-col gap-4">
            <StateSentence overview={document} />
            <div className="grid items-start gap-4 lg:grid-cols-2">
              <div className="flex min-w-0 flex-col gap-4">
                <NeedsYou needs={document.needs_you} />
                <MovingNow moving={document.moving} />
              </div>
              <div className="flex min-w-0 flex-col gap-4">
                <TrafficSection />
                <SideComparison gateways={document.gateways} />
              </div>
            </div>
          </div>
        )}
      </QueryPart>
    </Page>
  )
}
