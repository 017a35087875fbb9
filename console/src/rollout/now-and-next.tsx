import type { RolloutDetailsDocument, RolloutDocument } from '../api/rollouts.ts'
import { counted, inDuration, inPercent, inShort } from '../format/numbers.ts'
import { Time, useNow } from '../parts/text/time.tsx'

interface NowAndNextProps {
  readonly rollout: RolloutDocument
  /** When the document was read, in milliseconds: the time in the step counts on from then. */
  readonly readAt: number
  readonly details: RolloutDetailsDocument | undefined
}

/** The answer of the page: what it does now, what comes next and when at the earliest, and why it waits. */
export function NowAndNext({ rollout, readAt, details }: NowAndNextProps) {
  const { state, waiting_for } = rollout
  if (state === 'completed' || state === 'aborted') return <Result rollout={rollout} />
  if (state === 'draft') {
    return (
      <p className="text-lg wrap-anywhere">This is a draft: nothing has moved. It begins when someone starts it.</p>
    )
  }
  return (
    <div className="flex flex-col gap-2">
      <Now rollout={rollout} readAt={readAt} details={details} />
      <Next rollout={rollout} />
      {waiting_for.length > 0 && (
        <div className={state === 'held' ? 'border-l-4 border-broken pl-3' : 'border-l-4 border-line pl-3'}>
          <h2 className="text-sm font-semibold text-faded">{state === 'held' ? 'Why it is held' : 'Why it waits'}</h2>
          <ul className="text-base">
            {waiting_for.map((sentence) => (
              <li key={sentence} className="wrap-anywhere">
                {sentence}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  )
}

function Now({ rollout, readAt, details }: NowAndNextProps) {
  const { state, step, steps, elapsed_seconds, plan } = rollout
  const now = useNow()
  const counts = state === 'waiting' || state === 'running' || state === 'soaking'
  const elapsed = elapsed_seconds * 1_000 + (counts ? Math.max(0, now.getTime() - readAt) : 0)
  const current = steps[step - 1]
  const evidence = details?.evidence
  if (state === 'soaking') {
    const soak = typeof plan['soak'] === 'string' ? plan['soak'] : '24h'
    return (
      <p className="text-lg wrap-anywhere">
        All steps are done. The soak has lasted <strong className="font-semibold">{inDuration(elapsed)}</strong> of{' '}
        {soak}.
      </p>
    )
  }
  if (current === undefined) return <p className="text-lg wrap-anywhere">Started; no step has begun yet.</p>
  return (
    <p className="text-lg wrap-anywhere">
      Step {step} of {steps.length} (<strong className="font-semibold">{inShort(current.moves)}</strong>) has lasted{' '}
      {inDuration(elapsed)} of at least {inDuration(current.dwell_seconds * 1_000)}
      {evidence && evidence.applications > 0 && !evidence.shared && (
        <>
          ; evidence for {evidence.enough} of {counted(evidence.applications, 'application')}
        </>
      )}
      .
    </p>
  )
}

function Next({ rollout }: { rollout: RolloutDocument }) {
  const { state, next_step, steps, earliest_next_at } = rollout
  const next = steps[(next_step ?? 0) - 1]
  if (state === 'soaking') {
    return (
      <p>
        Next: the rollout is complete.
        {earliest_next_at !== null && (
          <>
            {' '}
            Earliest <Time at={earliest_next_at} />.
          </>
        )}
      </p>
    )
  }
  return (
    <p className="wrap-anywhere">
      Next: <strong className="font-semibold">{next === undefined ? 'the soak' : inShort(next.moves)}</strong>
      {next !== undefined && next.applications !== null && (
        <>
          {' '}
          (+ {counted(next.applications, 'application')}
          {next.traffic_share !== null && `, + ${inPercent(next.traffic_share)} of the traffic`})
        </>
      )}
      .{' '}
      {earliest_next_at === null ? (
        <span className="text-faded">When is not known yet.</span>
      ) : (
        <>
          Earliest <Time at={earliest_next_at} />.
        </>
      )}
    </p>
  )
}

function Result({
  rollout: { state, moved, excluded, changed_at, furthest_step, steps },
}: {
  rollout: RolloutDocument
}) {
  return (
    <p className="text-lg wrap-anywhere">
      {state === 'completed' ? 'Completed' : `Aborted after ${furthest_step} of ${counted(steps.length, 'step')}`}{' '}
      <Time at={changed_at} />:{' '}
      <strong className="font-semibold">
        {state === 'completed' ? `${counted(moved, 'application')} moved` : abortedInWords(moved)}
      </strong>
      , {counted(excluded.length, 'application')} taken back.
    </p>
  )
}

function abortedInWords(moved: number): string {
  return moved === 0 ? 'no application of it is on iam' : `${counted(moved, 'application')} of it moved until then`
}
