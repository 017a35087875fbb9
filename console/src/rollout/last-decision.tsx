import { useInfiniteQuery } from '@tanstack/react-query'
import { type RolloutEventDocument, rolloutEventsQuery } from '../api/rollouts.ts'
import { EvidenceView } from '../parts/evidence/evidence-view.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { Time } from '../parts/text/time.tsx'

/** Events that report something, and decide nothing. */
const REPORTS = new Set([
  'waiting',
  'created',
  'acknowledged',
  'watch_ended',
  'checklist',
  'pipeline',
  'drill',
  'problem',
])

/** The last thing that was decided, by the engine or a person, and what it rests on. */
export function LastDecision({ id }: { id: string }) {
  const events = useInfiniteQuery(rolloutEventsQuery(id))
  return (
    <Section title="Last decision">
      <QueryPart query={events} of="the last decision">
        {({ pages }) => {
          const decision = pages.flatMap((page) => page.events).find(({ kind }) => !REPORTS.has(kind))
          return decision === undefined ? <Empty>Nothing was decided yet.</Empty> : <Decision decision={decision} />
        }}
      </QueryPart>
    </Section>
  )
}

function Decision({ decision: { at, by, sentence, evidence } }: { decision: RolloutEventDocument }) {
  return (
    <div className="flex flex-col gap-1 text-sm">
      <p className="wrap-anywhere">{sentence}</p>
      <p className="text-faded">
        <Time at={at} />, by <bdi>{by}</bdi>
      </p>
      <EvidenceView evidence={evidence} />
    </div>
  )
}
