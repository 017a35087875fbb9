import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useCaller } from '../api/caller.ts'
import { type ChecklistDocument, checklistQuery, useTick } from '../api/checklist.ts'
import type { RolloutDocument } from '../api/rollouts.ts'
import { counted } from '../format/numbers.ts'
import { Button } from '../parts/actions/button.tsx'
import { Confirmation } from '../parts/dialogs/confirmation.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'

type Item = ChecklistDocument['items'][number]

const MARKS: Readonly<Record<Item['state'], { mark: string; words: string }>> = {
  done: { mark: '✓', words: 'Done' },
  open: { mark: '○', words: 'Open' },
  unknown: { mark: '?', words: 'Cannot be checked here' },
}

/** What has to be done now, first; all other items behind it. */
export function ChecklistSection({ rollout }: { rollout: RolloutDocument }) {
  const { environment, id, state } = rollout
  const checklist = useQuery(checklistQuery(environment, id))
  const [ticked, setTicked] = useState<Item>()
  const { may } = useCaller()
  const mayTick = state !== 'completed' && state !== 'aborted' && may('checklist.tick', environment)
  const { mutateAsync } = useTick()
  const isDone = ticked?.state === 'done'
  return (
    <Section title="Checklist">
      <QueryPart query={checklist} of="the checklist">
        {({ items }) => {
          const phase = phaseOf(rollout)
          const isOpen = (item: Item) => item.state !== 'done' && item.phases.includes(phase)
          const open = items.filter(isOpen)
          const others = items.filter((item) => !isOpen(item))
          const list = (some: readonly Item[]) => (
            <ul className="divide-y divide-line text-sm">
              {some.map((item) => (
                <ItemLine key={item.item} item={item} onTick={mayTick ? () => setTicked(item) : undefined} />
              ))}
            </ul>
          )
          return (
            <>
              {open.length === 0 ? <Empty>Nothing is open {PHASES[phase]}.</Empty> : list(open)}
              {others.length > 0 && (
                <details>
                  <summary className="w-fit py-1 text-sm underline underline-offset-4">
                    {counted(others.length, 'other item')}
                  </summary>
                  {list(others)}
                </details>
              )}
            </>
          )
        }}
      </QueryPart>
      {ticked !== undefined && (
        <Confirmation
          isOpen
          onClose={() => setTicked(undefined)}
          action={isDone ? 'Remove the tick' : 'Tick the item'}
          environment={environment}
          consequence={
            <>
              <p className="font-medium">{ticked.title}</p>
              <p>
                {isDone
                  ? 'The rollout waits for this item again.'
                  : 'You say that this is done. The rollout no longer waits for it.'}
              </p>
            </>
          }
          onConfirm={(note) => mutateAsync({ environment, rollout: id, item: ticked.item, done: !isDone, note })}
        />
      )}
    </Section>
  )
}

const PHASES: Readonly<Record<Item['phases'][number], string>> = {
  before: 'before the first step',
  between: 'between the steps',
  after: 'at the end',
}

/** What has to be done now: before the first step, between steps, or at the end. */
function phaseOf({ step, steps, state }: RolloutDocument): Item['phases'][number] {
  if (step >= steps.length || state === 'completed') return 'after'
  return step === 0 ? 'before' : 'between'
}

function ItemLine({ item, onTick }: { item: Item; onTick: (() => void) | undefined }) {
  const { title, state, sentence, phases, automatic, ticked_by } = item
  const { mark, words } = MARKS[state]
  const isByHand = !automatic || state === 'unknown' || ticked_by !== null
  return (
    <li className="flex items-start justify-between gap-3 py-2">
      <div className="min-w-0">
        <p className="flex break-words">
          <span aria-hidden="true" className={`w-4 shrink-0 font-bold ${state === 'done' ? 'text-passed' : ''}`}>
            {mark}
          </span>
          <span>
            <span className="sr-only">{words}: </span>
            {title}
          </span>
        </p>
        <p className="pl-4 break-words text-faded">
          {sentence} · {phases.map((phase) => PHASES[phase]).join(' and ')}
        </p>
      </div>
      {onTick !== undefined && isByHand && (state !== 'done' || ticked_by !== null) && (
        <div className="shrink-0">
          <Button onClick={onTick}>
            {state === 'done' ? 'Remove the tick …' : 'Tick …'}
            <span className="sr-only"> {title}</span>
          </Button>
        </div>
      )}
    </li>
  )
}
