import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import type { GuardDocument, GuardsDocument } from '../api/documents.ts'
import { guardsQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { inFigures } from '../format/numbers.ts'
import { moment } from '../format/times.ts'
import { VerdictBadge } from '../parts/badges/verdict.tsx'
import { Section } from '../parts/layout/section.tsx'
import { EvidenceBar } from '../parts/shares/evidence-bar.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty, Loading } from '../parts/states/states.tsx'

const EvidenceChart = lazy(async () => ({ default: (await import('../charts/evidence-chart.tsx')).EvidenceChart }))
/** From this evidence on a rollout holds. */
const HOLD_EVIDENCE = 100

/** What each guard says of the application, with its evidence against the threshold. */
export function GuardSection({ id }: { id: string }) {
  const environment = useEnvironment()
  const guards = useQuery(guardsQuery(environment, id))
  return (
    <Section title="Evidence that it is broken">
      <QueryPart query={guards} of="the evidence">
        {({ guards: readings, trail }) =>
          readings.length === 0 ? (
            <Empty>No guard watches it: it has not been moved, or no outcome has arrived yet.</Empty>
          ) : (
            <>
              <EvidenceOverTime trail={trail} readings={readings} />
              <ul className="divide-y divide-line">
                {readings.map((reading) => (
                  <li key={reading.guard} className="py-2">
                    <Reading reading={reading} />
                  </li>
                ))}
              </ul>
            </>
          )
        }
      </QueryPart>
    </Section>
  )
}

type GuardTrail = GuardsDocument['trail']

/** The growth of the evidence until now, against both thresholds; nothing for an application that always did well. */
function EvidenceOverTime({ trail, readings }: { trail: GuardTrail; readings: readonly GuardDocument[] }) {
  const [first, last] = [trail[0], trail.at(-1)]
  if (first === undefined || last === undefined) return null
  const points = trail.map(({ at, evidence }) => ({ at: Date.parse(at), value: evidence }))
  const threshold = Math.max(...readings.map((reading) => reading.threshold))
  return (
    <Suspense fallback={<Loading of="the evidence over time" />}>
      <EvidenceChart
        title="Evidence that it is broken"
        range={`since ${moment(new Date(first.at), new Date())}`}
        points={points}
        thresholds={[
          { value: HOLD_EVIDENCE, words: 'hold' },
          { value: threshold, words: 'take back' },
        ]}
        height={150}
      />
    </Suspense>
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
