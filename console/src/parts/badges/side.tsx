export type Side = 'rails' | 'iam'

const FORMS: Readonly<Record<Side, string>> = {
  rails: 'bg-rails-pale text-rails-ink',
  iam: 'bg-iam-pale text-iam-ink',
}

/** The side on which something runs: a word, in the side's colour, with the side's pattern. */
export function SideBadge({ side }: { side: Side }) {
  return (
    <span
      className={`inline-flex items-center gap-1.5 rounded-sm px-1.5 py-0.5 text-sm font-medium whitespace-nowrap ${FORMS[side]}`}
    >
      <SideMark side={side} />
      {side}
    </span>
  )
}

/** The square of a side's colour and pattern, next to the word. */
export function SideMark({ side }: { side: Side }) {
  return (
    <span
      aria-hidden="true"
      className={`inline-block size-2.5 shrink-0 rounded-xs ${side === 'iam' ? 'side-iam-fill' : 'side-rails-fill'}`}
    />
  )
}
