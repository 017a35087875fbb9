import type { ReactNode } from 'react'

/** How one thing does: as it should, not yet or no longer certain, deliberately switched, or broken now. */
export type Condition = 'well' | 'pending' | 'set' | 'broken' | 'unknown'

const MARKS: Readonly<Record<Condition, { mark: string; form: string }>> = {
  well: { mark: '●', form: 'text-passed' },
  pending: { mark: '◐', form: 'text-ink' },
  set: { mark: '■', form: 'text-ink' },
  broken: { mark: '✗', form: 'text-broken' },
  unknown: { mark: '○', form: 'text-faded' },
}

/** A dot with words: the dot is for the eye that scans a column, the words say the same to everyone. */
export function ConditionBadge({ condition, children }: { condition: Condition; children: ReactNode }) {
  const { mark, form } = MARKS[condition]
  return (
    <span className="inline-flex items-baseline gap-1.5">
      <span aria-hidden="true" className={`w-3.5 shrink-0 text-center font-bold ${form}`}>
        {mark}
      </span>
      <span className={condition === 'broken' ? 'font-medium text-broken' : ''}>{children}</span>
    </span>
  )
}
