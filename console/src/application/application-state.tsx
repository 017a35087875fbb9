import { useState } from 'react'
import { useCaller } from '../api/caller.ts'
import type { ListDocument } from '../api/documents.ts'
import type { Move } from '../api/flag-changes.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { counted, inFigures } from '../format/numbers.ts'
import { Button } from '../parts/actions/button.tsx'
import { SideBadge } from '../parts/badges/side.tsx'
import { MoveDialog } from '../parts/moves/move-dialog.tsx'

type Application = ListDocument['applications'][number]

/** The side, why, and the one action that is sensible now. */
export function ApplicationState({ application }: { application: Application }) {
  const environment = useEnvironment()
  const { may } = useCaller()
  const [move, setMove] = useState<Move>()
  const { id, client_id, side, flag, failing, report, traffic_per_day } = application
  const to = side === 'iam' ? 'rails' : 'iam'
  return (
    <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
      <div className="flex min-w-0 flex-col gap-1">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-lg">
          <SideBadge side={side} />
          <span>New flows start on {side}.</span>
          {failing && report !== null && (
            <strong className="font-semibold text-broken">
              ✗ {inFigures(report.failures)} of {inFigures(report.successes + report.failures)} requests failed at iam
              {report.error !== null && ` with ${report.error}`}.
            </strong>
          )}
        </p>
        <p className="text-sm text-faded">
          The flag is {flag.on ? 'on' : 'off'} for it, decided by: {flag.gate}. {arrivalInWords(application)}
        </p>
        <p className="text-sm text-faded">
          #{id} · <code className="font-mono break-all">{client_id}</code>
          {report !== null &&
            report.circuit_open_at.length > 0 &&
            ` · its circuit is open at ${counted(report.circuit_open_at.length, 'gateway')}`}
        </p>
      </div>
      {may('flags.write', environment) && (
        <Button
          weight="primary"
          reason={to === 'iam' && !application.arrived ? 'Iam does not hold its current version yet.' : undefined}
          onClick={() => setMove({ environment, to, applications: [id] })}
        >
          {to === 'iam' ? 'Move to iam …' : 'Take back …'}
        </Button>
      )}
      {move !== undefined && (
        <MoveDialog move={move} flowsPerDay={traffic_per_day ?? undefined} onClose={() => setMove(undefined)} />
      )}
    </div>
  )
}

function arrivalInWords({ arrived, version, iam_version }: Application): string {
  if (arrived) return 'Iam holds its current version.'
  if (iam_version === null) return 'Iam does not hold it yet.'
  return `Iam holds version ${iam_version}, and its current version is ${version}.`
}
