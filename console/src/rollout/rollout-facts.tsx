import { apiAddress } from '../api/address.ts'
import type { RolloutDocument } from '../api/rollouts.ts'
import { inDuration } from '../format/numbers.ts'
import { EnvironmentBadge } from '../parts/badges/environment.tsx'
import { ExternalLink } from '../parts/layout/external-link.tsx'
import { Time } from '../parts/text/time.tsx'

/** Where it runs, whose plan it is, and who watches. */
export function RolloutFacts({ rollout }: { rollout: RolloutDocument }) {
  const { id, environment, mode, created_by, created_at, started_by, watch, change_issue_url, reason } = rollout
  return (
    <div className="flex flex-col gap-1 text-sm">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <EnvironmentBadge environment={environment} />
        <span>
          plan by <bdi>{created_by}</bdi>, <Time at={created_at} />
        </span>
        {started_by !== null && (
          <span>
            started by <bdi>{started_by}</bdi>
          </span>
        )}
        {watch !== null && (
          <span>
            watched by <bdi>{watch.by}</bdi> for {inDuration(watch.seconds_left * 1_000)} more
          </span>
        )}
        {mode === 'advise' && <strong className="font-semibold">only advises: people take its steps</strong>}
        {started_by !== null && (
          <a
            href={apiAddress(`api/v1/rollouts/${id}/report`, { format: 'html' }).href}
            target="_blank"
            rel="noreferrer"
            className="underline underline-offset-4"
          >
            Report as one HTML file<span className="sr-only"> (opens in a new tab)</span>
          </a>
        )}
        {change_issue_url !== null && <ExternalLink href={change_issue_url}>Change issue</ExternalLink>}
      </p>
      {reason !== null && reason !== '' && (
        <p className="break-words text-faded">
          Reason: <bdi>{reason}</bdi>
        </p>
      )}
    </div>
  )
}
