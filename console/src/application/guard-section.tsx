import { useQuery } from '@tanstack/react-query'
import type { GuardDocument } from '../api/documents.ts'
import { guardsQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { inFigures } from '../format/numbers.ts'
import { VerdictBadge } from '../parts/badges/verdict.tsx'
import { Section } from '../parts/layout/section.tsx'
import { EvidenceBar } from '../parts/shares/evidence-bar.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'

/** What each guard says of the application, with its evidence against the threshold. */
export function GuardSection({ id }: { id: string }) {
  const environment = useEnvironment()
  const guards = useQuery(guardsQuery(environment, id))
  return (
    <Section title="Evidence that it is broken">
      <QueryPart query={guards} of="the evidence">
        {({ guards: readings }) =>
          readings.length === 0 ? (
            <Empty>No guard watches it: it has not been moved, or no outcome has arrived yet.</Empty>
          ) : (
            <ul className="divide-y divide-line">
              {readings.map((reading) => (
                <li key={reading.guard} className="py-2">
                  <Reading reading={reading} />
                </li>
              ))}
            </ul>
          )
        }
      </QueryPart>
    </Section>
  )
}

function Reading({ reading: { guard, verdict, evidence, threshold, sentence } }: { reading: GuardDocument }) {
  return (
    <div className="flex flex-col gap-1 text-sm">
      <p className="flex flex-wrap items-baseline justify-between gap-x-4">
        <span className="font-medium">{guard}</span>
        <VerdictBadge verdict={verdict} />
      </p>
      <EvidenceBar evidence={evidence} threshold={threshold} />
      <p className="flex flex-wrap justify-between gap-x-4 text-faded">
        <span className="min-w-0 break-words">{sentence}</span>
        <span className="whitespace-nowrap">
          Evidence {inFigures(evidence)}; it counts as broken from {inFigures(threshold)} on
        </span>
      </p>
    </div>
  )
}
