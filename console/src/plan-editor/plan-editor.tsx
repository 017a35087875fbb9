import { useRef, useState } from 'react'
import { Button } from '../parts/actions/button.tsx'
import { CreateButtons } from './create-buttons.tsx'
import { FaultList } from './fault-list.tsx'
import { PlanOutcome } from './plan-outcome.tsx'
import { PlanText, type PlanTextField } from './plan-text.tsx'
import { useStoredText } from './stored-text.ts'
import { useJudgedPlan } from './use-judged-plan.ts'

interface PlanEditorProps {
  /** The name under which this browser keeps the text. */
  readonly storedAs: string
  readonly initial: string
}

/** The text on the left; on the right what is wrong with it, or what it would do. */
export function PlanEditor({ storedAs, initial }: PlanEditorProps) {
  const { text, change, forget, isChanged } = useStoredText(storedAs, initial)
  const [discarded, setDiscarded] = useState<string>()
  const judged = useJudgedPlan(text)
  const field = useRef<PlanTextField>(null)
  const edit = (next: string) => {
    setDiscarded(undefined)
    change(next)
  }
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-2">
        <PlanText ref={field} text={text} onChange={edit} faults={judged.faults} />
        <div className="-ml-3 flex flex-wrap items-center gap-3 text-sm text-faded empty:hidden">
          {isChanged && (
            <Button
              weight="quiet"
              onClick={() => {
                change(initial)
                setDiscarded(text)
              }}
            >
              Discard my changes
            </Button>
          )}
          {discarded !== undefined && (
            <Button weight="quiet" onClick={() => edit(discarded)}>
              Bring them back
            </Button>
          )}
          {isChanged && <span className="pl-3">This browser keeps the text until it becomes a rollout.</span>}
        </div>
      </div>
      <div className="flex min-w-0 flex-col gap-4">
        <FaultList judged={judged} onShow={(fault) => field.current?.show(fault)} />
        <CreateButtons text={text} judged={judged} onCreated={forget} />
        <PlanOutcome judged={judged} />
      </div>
    </div>
  )
}
