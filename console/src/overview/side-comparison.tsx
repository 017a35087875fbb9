import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense } from 'react'
import type { OverviewDocument, TrafficDocument } from '../api/documents.ts'
import { trafficQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { inDuration, inFigures, inPercent } from '../format/numbers.ts'
import { type Side, SideBadge } from '../parts/badges/side.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { GatewaySummary } from './gateway-summary.tsx'
import { type SideFlows, totalOf } from './side-totals.ts'

const Sparkline = lazy(async () => ({ default: (await import('../charts/sparkline.tsx')).Sparkline }))

const route = getRouteApi('/')
const LINK = 'underline decoration-line underline-offset-4 hover:decoration-ink'
const SIDES = ['rails', 'iam'] as const
const COLUMNS = ['Side', 'Flows', 'Failed flows', 'p99']

/** Failed flows and latency of both sides next to each other, in the range of the chart, and the gateways. */
export function SideComparison({ gateways }: { gateways: OverviewDocument['gateways'] }) {
  const environment = useEnvironment()
  const { range = 'hour' } = route.useSearch()
  const traffic = useQuery({ ...trafficQuery(environment, range), placeholderData: keepPreviousData })
  return (
    <Section title={`Both sides, last ${range}`}>
      <QueryPart query={traffic} of="both sides">
        {(document) => (
          <table className="mb-2 w-full text-left text-sm">
            <thead>
              <tr className="text-faded">
                {COLUMNS.map((name) => (
                  <th key={name} scope="col" className="py-1 pr-3 font-medium last:pr-0">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {SIDES.map((side) => (
                <SideRow key={side} side={side} traffic={document} />
              ))}
            </tbody>
          </table>
        )}
      </QueryPart>
      <GatewaySummary gateways={gateways} />
    </Section>
  )
}

function SideRow({ side, traffic: { points, latency } }: { side: Side; traffic: TrafficDocument }) {
  const total = totalOf(points, side)
  const p99 = latency?.p99_ms[side] ?? null
  const shares = points.map(({ [side]: { flows, failed } }) => (flows === 0 ? null : failed / flows))
  return (
    <tr className="border-t border-line align-baseline">
      <th scope="row" className="py-1.5 pr-3">
        <SideBadge side={side} />
      </th>
      <td className="pr-3">
        <Link to="/applications" search={{ side, sort: 'traffic' }} className={LINK}>
          {inFigures(total.flows)}
        </Link>
      </td>
      <td className="pr-3">
        <Link to="/applications" search={{ side, sort: 'trouble' }} className={LINK}>
          {failedInWords(total)}
        </Link>{' '}
        {total.failed > 0 && <Shape values={shares} side={side} />}
      </td>
      <td className={p99 === null ? 'text-faded' : ''}>
        {p99 === null ? '–' : inDuration(p99)}{' '}
        {p99 !== null && <Shape values={latency?.points.map(({ p99_ms }) => p99_ms[side]) ?? []} side={side} />}
      </td>
    </tr>
  )
}

/** The shape of a number over time, where there is room for it. */
function Shape({ values, side }: { values: ReadonlyArray<number | null>; side: Side }): ReactNode {
  if (values.filter((value) => value !== null).length < 3) return null
  return (
    <span className="ml-2 hidden 2xl:inline">
      <Suspense>
        <Sparkline values={values} colour={side} />
      </Suspense>
    </span>
  )
}

/** Failures that the side caused; those that Handover caused are named apart. */
function failedInWords({ flows, failed, ours }: SideFlows): string {
  if (flows === 0) return 'no flow'
  const own = failed === 0 ? 'none' : `${inPercent(failed / flows)} (${inFigures(failed)})`
  return ours === 0 ? own : `${own}, and ${inFigures(ours)} by Handover`
}
