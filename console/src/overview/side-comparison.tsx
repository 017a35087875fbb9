import { Link } from '@tanstack/react-router'
import type { OverviewDocument } from '../api/documents.ts'
import { inDuration, inFigures, inPercent } from '../format/numbers.ts'
import { SideBadge } from '../parts/badges/side.tsx'
import { Section } from '../parts/layout/section.tsx'

import { GatewaySummary } from './gateway-summary.tsx'

const LINK = 'underline decoration-line underline-offset-4 hover:decoration-ink'

type Flows = OverviewDocument['failed_flows']['rails']

/** Failed flows and latency of both sides, next to each other. */
export function SideComparison({ overview: { failed_flows, p99_ms, gateways } }: { overview: OverviewDocument }) {
  return (
    <Section title="Both sides and the gateways, last hour">
      <table className="w-full text-left text-sm">
        <thead>
          <tr className="text-faded">
            <th scope="col" className="py-1 pr-3 font-medium">
              Side
            </th>
            <th scope="col" className="py-1 pr-3 font-medium">
              Flows
            </th>
            <th scope="col" className="py-1 pr-3 font-medium">
              Failed flows
            </th>
            {p99_ms !== null && (
              <th scope="col" className="py-1 font-medium">
                p99
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {(['rails', 'iam'] as const).map((side) => (
            <tr key={side} className="border-t border-line">
              <th scope="row" className="py-1.5 pr-3">
                <SideBadge side={side} />
              </th>
              <td className="pr-3">
                <Link to="/applications" search={{ side, sort: 'traffic' }} className={LINK}>
                  {inFigures(failed_flows[side].flows)}
                </Link>
              </td>
              <td className="pr-3">
                <Link to="/applications" search={{ side, sort: 'trouble' }} className={LINK}>
                  {failedInWords(failed_flows[side])}
                </Link>
              </td>
              {p99_ms !== null && <td>{inDuration(p99_ms[side])}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      <GatewaySummary gateways={gateways} />
    </Section>
  )
}

/** Failures that the side caused; those that Handover caused are named apart. */
function failedInWords({ flows, failed, ours }: Flows): string {
  if (flows === 0) return 'no flow'
  const own = failed === 0 ? 'none' : `${inPercent(failed / flows)} (${inFigures(failed)})`
  return ours === 0 ? own : `${own}, and ${inFigures(ours)} by Handover`
}
