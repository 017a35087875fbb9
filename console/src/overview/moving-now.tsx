import type { OverviewDocument } from '../api/documents.ts'
import { ConsoleLink } from '../parts/layout/console-link.tsx'
import { Section } from '../parts/layout/section.tsx'
import { Empty } from '../parts/states/states.tsx'
import { Time } from '../parts/text/time.tsx'

type Moving = OverviewDocument['moving'][number]

/** The rollouts in progress: where each is, what comes next and when at the earliest, and what it waits for. */
export function MovingNow({ moving }: { moving: readonly Moving[] }) {
  return (
    <Section title="Moving now">
      {moving.length === 0 ? (
        <Empty>No rollout is in progress.</Empty>
      ) : (
        <ul className="divide-y divide-line">
          {moving.map((rollout) => (
            <li key={rollout.id} className="py-2 text-sm">
              <MovingLine rollout={rollout} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}

function MovingLine({ rollout }: { rollout: Moving }) {
  const { id, name, state, step, next_step, earliest_next_at, waiting_for } = rollout
  return (
    <>
      <p className="flex flex-wrap items-baseline gap-x-2">
        <ConsoleLink path={`rollouts/${id}`} className="font-medium underline underline-offset-4">
          <bdi>{name}</bdi>
        </ConsoleLink>
        <span className="text-faded">{state}</span>
        <span>
          {step ?? 'before the first step'}
          {next_step !== null && <> → {next_step}</>}
        </span>
        {earliest_next_at !== null && (
          <span className="text-faded">
            earliest <Time at={earliest_next_at} />
          </span>
        )}
      </p>
      {waiting_for.map((sentence) => (
        <p key={sentence} className="break-words text-faded">
          {sentence}
        </p>
      ))}
    </>
  )
}
