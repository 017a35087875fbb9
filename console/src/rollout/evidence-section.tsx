import type { UseQueryResult } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { RolloutDetailsDocument, RolloutDocument } from '../api/rollouts.ts'
import { counted, inFigures } from '../format/numbers.ts'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty, TooMany } from '../parts/states/states.tsx'
import { ApplicationName } from '../parts/text/name.tsx'

interface EvidenceSectionProps {
  readonly rollout: RolloutDocument
  readonly query: UseQueryResult<RolloutDetailsDocument, Error>
}

const SHOWN = 12

/** The applications of the step in force that have not shown yet what it requires. */
export function EvidenceSection({ rollout: { state, step, steps }, query }: EvidenceSectionProps) {
  const current = steps[step - 1]
  if (current === undefined || state === 'completed' || state === 'aborted' || state === 'soaking') return null
  return (
    <Section title="Waiting for evidence">
      <QueryPart query={query} of="the evidence">
        {({ evidence, names }) =>
          evidence === null || evidence.waiting.length === 0 ? (
            <Empty>
              {evidence === null || evidence.applications === 0
                ? 'No application is in this step.'
                : `All ${counted(evidence.applications, 'application')} of this step have shown enough.`}
            </Empty>
          ) : (
            <>
              <p className="text-sm text-faded">
                The step requires {current.evidence},{' '}
                {evidence.shared ? 'from all of its applications together' : 'from each application'}.
              </p>
              <ul className="mt-1 divide-y divide-line text-sm">
                {evidence.waiting.slice(0, SHOWN).map(({ application_id, outcomes, failures }) => (
                  <li key={application_id} className="flex items-baseline justify-between gap-3 py-1.5">
                    <Link
                      to="/applications/$id"
                      params={{ id: String(application_id) }}
                      className="flex min-w-0 gap-2 underline-offset-4 hover:underline"
                    >
                      <ApplicationName name={names[application_id] ?? null} id={application_id} />
                      <span className="text-faded">#{application_id}</span>
                    </Link>
                    <span className="shrink-0 text-faded">
                      {outcomes === 0 ? 'no outcome yet' : counted(outcomes, 'outcome')}
                      {failures > 0 && `, ${inFigures(failures)} failed`}
                    </span>
                  </li>
                ))}
              </ul>
              {evidence.applications - evidence.enough > SHOWN && (
                <TooMany
                  shown={`the ${SHOWN} with the fewest outcomes`}
                  all={counted(evidence.applications - evidence.enough, 'application')}
                  how=""
                />
              )}
            </>
          )
        }
      </QueryPart>
    </Section>
  )
}
