import { Link } from '@tanstack/react-router'
import type { RolloutDocument } from '../api/rollouts.ts'
import { counted, inShort } from '../format/numbers.ts'
import { RolloutStateBadge } from '../parts/badges/rollout-state.tsx'
import { Time } from '../parts/text/time.tsx'

const MOST_WAITS = 2

/** One rollout in a few words: where it is, what comes next and when at the earliest, and what it waits for. */
export function RolloutLine({ rollout }: { rollout: RolloutDocument }) {
  const { id, name, state, steps, step, next_step, earliest_next_at, waiting_for, moved, excluded } = rollout
  const isEnded = state === 'completed' || state === 'aborted'
  const next = steps[(next_step ?? 0) - 1]
  const more = waiting_for.length - MOST_WAITS
  return (
    <div className="grid gap-x-6 gap-y-1 text-sm md:grid-cols-[minmax(12rem,1fr)_minmax(14rem,1fr)_2fr]">
      <p className="flex min-w-0 flex-wrap items-baseline gap-x-3 gap-y-1">
        <Link
          to="/rollouts/$id"
          params={{ id: String(id) }}
          className="min-w-0 font-semibold wrap-anywhere underline underline-offset-4"
        >
          <bdi>{name}</bdi>
        </Link>
        <span className="text-faded">#{id}</span>
        <RolloutStateBadge state={state} />
      </p>
      <p className="text-faded">
        {isEnded || state === 'draft' ? (
          counted(steps.length, 'step')
        ) : (
          <>
            <span className="text-ink wrap-anywhere">
              {step === 0 ? 'before the first step' : inShort(steps[step - 1]?.moves ?? '')} →{' '}
              {state === 'soaking' ? 'done' : inShort(next?.moves ?? 'soak')}
            </span>
            {earliest_next_at !== null && (
              <>
                {' '}
                earliest <Time at={earliest_next_at} />
              </>
            )}
          </>
        )}
      </p>
      <div className="min-w-0">
        {isEnded || state === 'draft' ? (
          <p className="text-faded">
            {isEnded && `${counted(moved, 'application')} moved, ${excluded.length} taken back · `}
            {isEnded ? 'ended' : `created by ${rollout.created_by}`} <Time at={rollout.changed_at} show="age" />
          </p>
        ) : (
          <ul>
            {waiting_for.slice(0, MOST_WAITS).map((sentence) => (
              <li key={sentence} className="wrap-anywhere">
                {sentence}
              </li>
            ))}
            {more > 0 && <li className="text-faded">and {counted(more, 'more reason')}</li>}
          </ul>
        )}
      </div>
    </div>
  )
}
