import { useQuery } from '@tanstack/react-query'
import { brakeQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { ConditionBadge } from '../parts/badges/condition.tsx'
import { Page } from '../parts/layout/page.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { reachInWords } from './gateway-conditions.ts'
import { GatewayTable } from './gateway-table.tsx'
import { gatewaysQuery } from './gateways-query.ts'

/** Does every gateway know what the control plane knows? */
export function GatewaysPage() {
  const environment = useEnvironment()
  const gateways = useQuery(gatewaysQuery(environment))
  const { data: brake } = useQuery(brakeQuery(environment))
  return (
    <Page title="Gateways">
      <QueryPart query={gateways} of="the gateways">
        {({ gateways: all, version }) => {
          const { condition, words } = reachInWords(all, version)
          return (
            <div className="flex flex-col gap-4">
              <p className="text-lg">
                <ConditionBadge condition={condition}>{words}</ConditionBadge>
              </p>
              <Section title="Each gateway">
                {all.length === 0 ? (
                  <Empty>
                    No gateway follows {environment}. A gateway appears here as soon as it connects with its token.
                  </Empty>
                ) : (
                  <GatewayTable gateways={all} isBrakeOn={brake?.on} />
                )}
              </Section>
              <p className="max-w-prose text-sm text-faded">
                A gateway without a connection keeps deciding by the version it holds. Its own circuit and its own brake
                only ever send new flows to rails.
              </p>
            </div>
          )
        }}
      </QueryPart>
    </Page>
  )
}
