import { inPercent, keepUnits } from '../../format/numbers.ts'

interface ShareBarProps {
  /** The share on iam, from 0 to 1. */
  readonly iam: number
  /** What is shared: `traffic`, `applications`. */
  readonly of: string
}

/** How something is shared between the two sides, as a bar and in words. */
export function ShareBar({ iam, of }: ShareBarProps) {
  const share = Math.min(1, Math.max(0, iam))
  return (
    <figure className="flex min-w-0 flex-col gap-1">
      <div aria-hidden="true" className="flex h-4 overflow-hidden rounded-sm border border-edge">
        <span className="side-iam-fill" style={{ width: `${share * 100}%` }} />
        <span className="side-rails-fill flex-1" />
      </div>
      <figcaption className="flex justify-between gap-3 text-sm">
        <span>
          {keepUnits(inPercent(share))} of {of} on <strong className="font-medium text-iam-ink">iam</strong>
        </span>
        <span>
          {keepUnits(inPercent(1 - share))} on <strong className="font-medium text-rails-ink">rails</strong>
        </span>
      </figcaption>
    </figure>
  )
}
