import { counted } from '../format/numbers.ts'
import { Failure } from '../parts/states/states.tsx'
import type { JudgedPlan, PlanFault } from './use-judged-plan.ts'

interface FaultListProps {
  readonly judged: JudgedPlan
  readonly onShow: (fault: PlanFault) => void
}

const MOST_SHOWN = 20

/** Whether the plan is valid, and everything that is wrong with it, the first fault first. */
export function FaultList({ judged, onShow }: FaultListProps) {
  const { state, faults, error, judgeAgain } = judged
  return (
    <section id="plan-faults" aria-label="Validation" className="flex flex-col gap-2">
      <p role="status" className="text-lg">
        {summaryOf(judged)}
      </p>
      {state !== 'judging' && error !== undefined && (
        <Failure of="what the plan would do" error={error} onRetry={judgeAgain} />
      )}
      {faults.length > 0 && (
        <ul className={`flex flex-col gap-1 text-sm ${state === 'judging' ? 'old' : ''}`}>
          {faults.slice(0, MOST_SHOWN).map((fault) => (
            <li key={`${fault.line} ${fault.field} ${fault.rule}`}>
              <button
                type="button"
                disabled={fault.line === null}
                onClick={() => onShow(fault)}
                className="w-full rounded-md border-l-4 border-broken bg-surface px-3 py-1.5 text-left wrap-anywhere hover:bg-sunken"
              >
                {fault.line !== null && <span className="font-semibold">Line {fault.line}: </span>}
                {fault.field !== '' && <code className="font-mono">{fault.field} </code>}
                {fault.field === '' ? 'The plan ' : ''}
                {fault.rule}
              </button>
            </li>
          ))}
          {faults.length > MOST_SHOWN && <li className="text-faded">and {faults.length - MOST_SHOWN} more</li>}
        </ul>
      )}
    </section>
  )
}

function summaryOf({ state, faults }: JudgedPlan) {
  if (state === 'judging') return <span className="text-faded">Checking the plan …</span>
  if (state === 'valid') return <span className="font-medium text-passed">✓ The plan is valid.</span>
  if (state === 'unknown') return <span className="text-faded">Whether the plan is valid is not known.</span>
  return <span className="font-medium text-broken">✗ The plan has {counted(faults.length, 'fault')}.</span>
}
