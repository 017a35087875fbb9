import { Link } from '@tanstack/react-router'
import type { GatewayDocument } from '../api/documents.ts'
import { inFigures, inPercent } from '../format/numbers.ts'
import { ConditionBadge } from '../parts/badges/condition.tsx'
import { ShortTable } from '../parts/tables/short-table.tsx'
import type { Column } from '../parts/tables/virtual-table.tsx'
import { Time } from '../parts/text/time.tsx'
import { type Judged, judgeBrake, judgeCircuit, judgeVersion } from './gateway-conditions.ts'

interface GatewayTableProps {
  readonly gateways: readonly GatewayDocument[]
  /** Whether the brake of the environment is on; undefined while that is unknown. */
  readonly isBrakeOn: boolean | undefined
}

/** One line for each gateway: what it knows, and what it does of its own accord. */
export function GatewayTable({ gateways, isBrakeOn }: GatewayTableProps) {
  const columns: Column<GatewayDocument>[] = [
    { key: 'name', head: 'Gateway', cell: nameOf },
    { key: 'connection', head: 'Connection', cell: connectionOf },
    { key: 'version', head: 'Version held', cell: (one) => judged(judgeVersion(one)) },
    { key: 'circuit', head: 'Circuit to iam', cell: circuitOf },
    { key: 'brake', head: 'Brake', cell: (one) => judged(judgeBrake(one, isBrakeOn)) },
    { key: 'rails', head: 'To rails', cell: ({ legacy }) => trafficOf(legacy) },
    { key: 'iam', head: 'To iam', cell: ({ iam }) => trafficOf(iam) },
  ]
  return <ShortTable caption="Gateways" columns={columns} rows={gateways} keyOf={({ instance }) => instance} />
}

const judged = ({ condition, words }: Judged) => <ConditionBadge condition={condition}>{words}</ConditionBadge>

function nameOf({ name, instance, version, commit }: GatewayDocument) {
  return (
    <>
      <bdi className="block truncate font-medium" title={instance}>
        {name ?? instance}
      </bdi>
      <span className="block truncate text-faded">
        <span title={instance}>{instance.slice(0, 8)}</span>,{' '}
        {version === null ? 'unknown release' : `release ${version}`}
        {commit !== null && ` (${commit.slice(0, 8)})`}
      </span>
    </>
  )
}

function connectionOf({ connected, connected_at, heard_at }: GatewayDocument) {
  if (!connected) {
    return (
      <ConditionBadge condition="broken">
        lost, last heard <Time at={heard_at} show="age" />
      </ConditionBadge>
    )
  }
  return (
    <ConditionBadge condition="well">
      connected{' '}
      {connected_at !== null && (
        <span className="text-faded">
          since <Time at={connected_at} show="moment" />
        </span>
      )}
    </ConditionBadge>
  )
}

function circuitOf(gateway: GatewayDocument) {
  const open = gateway.application_circuits_open ?? []
  return (
    <>
      {judged(judgeCircuit(gateway))}
      {open.length > 0 && (
        <span className="block pl-5">
          {open.slice(0, 5).map((id) => (
            <Link key={id} to="/applications/$id" params={{ id: String(id) }} className="mr-2 underline">
              #{id}
            </Link>
          ))}
          {open.length > 5 && `and ${open.length - 5} more`}
        </span>
      )}
    </>
  )
}

function trafficOf(traffic: GatewayDocument['iam']) {
  if (traffic === null) return <span className="text-faded">not reported</span>
  if (traffic.requests === 0) return <span className="text-faded">no requests</span>
  return (
    <>
      {inFigures(traffic.requests)} requests
      <span className={`block ${traffic.failures > 0 ? '' : 'text-faded'}`}>
        {inPercent(traffic.failures / traffic.requests)} failed
      </span>
    </>
  )
}
