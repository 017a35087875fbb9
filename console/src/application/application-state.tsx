import type { ApplicationDocument } from '../api/documents.ts'
import { counted, inFull } from '../format/numbers.ts'
import { SideBadge } from '../parts/badges/side.tsx'
import { TroubleBadge } from '../parts/badges/trouble.tsx'
import { ConsoleLink } from '../parts/layout/console-link.tsx'
import { Time } from '../parts/text/time.tsx'
import { KINDS } from './flows-by-kind.tsx'
import { NextAction } from './next-action.tsx'

/** The side and the verdict in words, and the one action that is sensible now. */
export function ApplicationState({ application }: { application: ApplicationDocument }) {
  const {
    id,
    client_id,
    cohort,
    side,
    side_sentence,
    verdict,
    trouble,
    taken_back_by: takenBack,
    is_probe_twin: isTwin,
  } = application
  return (
    <div className="flex flex-col gap-3">
      <p className="flex flex-wrap gap-x-4 gap-y-1 text-sm text-faded">
        <span>#{id}</span>
        <code className="font-mono break-all">{client_id}</code>
        {isTwin && (
          <span className="font-medium text-ink">Only probes use this application; it is counted nowhere.</span>
        )}
        {cohort !== null && <span className="min-w-0 break-words">Cohort: {cohort}</span>}
      </p>
      <div className="flex flex-col items-start justify-between gap-x-6 gap-y-3 rounded-lg border border-edge bg-surface p-4 lg:flex-row">
        <div className="flex max-w-prose min-w-0 flex-col gap-1.5">
          <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-lg">
            <SideBadge side={side} />
            <TroubleBadge trouble={trouble} />
            <span>{side_sentence}</span>
          </p>
          {takenBack !== null && (
            <p className="break-words">
              <ConsoleLink path={`rollouts/${takenBack.rollout}`} className="underline underline-offset-4">
                Rollout <bdi>{takenBack.name}</bdi>
              </ConsoleLink>{' '}
              took it back at <Time at={takenBack.at} />: {takenBack.sentence.replace(/^Failed: /, '')}
            </p>
          )}
          {verdict !== takenBack?.sentence && <p className="break-words">{verdict}</p>}
          <p className="text-sm text-faded">{trafficInWords(application)}</p>
          <p className="text-sm text-faded">{usedKindsInWords(application)}</p>
        </div>
        <NextAction application={application} />
      </div>
    </div>
  )
}

function failedInWords(failed: number): string {
  return failed === 0 ? 'none of which failed on its side' : `${inFull(failed)} of which failed on its side`
}

function trafficInWords({ traffic_per_day: flows, failed, iam_credentials: live }: ApplicationDocument): string {
  const traffic =
    flows === null
      ? 'Its traffic is unknown.'
      : flows === 0
        ? 'It had no flow within the last day.'
        : `${counted(Math.round(flows), 'flow')} within the last day, ${failedInWords(failed ?? 0)}.`
  const tail =
    live === null
      ? 'How many of its credentials are valid at iam is unknown.'
      : `${counted(live, 'credential')} of it ${live === 1 ? 'is' : 'are'} valid at iam.`
  return `${traffic} ${tail}`
}

/** What the application uses, the most frequent first, and whether a move to iam would end its password grant. */
function usedKindsInWords({ used_kinds: used, password_grant: password }: ApplicationDocument): string {
  const kinds = used.toSorted((one, other) => other.flows - one.flows).map(({ kind }) => KINDS[kind])
  const uses = kinds.length === 0 ? 'No flow of it succeeded within the last 30 days.' : `It uses ${kinds.join(', ')}.`
  const isLost = password.iam === 'no' && password.used === 'yes' && password.application !== 'refused'
  return isLost ? `${uses} iam cannot serve its password grant.` : uses
}
