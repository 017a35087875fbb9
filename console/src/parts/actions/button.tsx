import type { ComponentProps, ReactNode } from 'react'

type Weight = 'primary' | 'plain' | 'quiet' | 'danger'

interface ButtonProps extends Omit<ComponentProps<'button'>, 'disabled'> {
  readonly weight?: Weight
  /** Why it cannot be used now, shown next to it; the button stays in its place. */
  readonly reason?: ReactNode
  /** Whether its work is in progress: it cannot be pressed again, and says so. */
  readonly isBusy?: boolean
}

const FORM =
  'inline-flex min-h-9 items-center justify-center gap-2 rounded-md border px-3 py-1.5 text-sm font-medium select-none'
const WEIGHTS: Readonly<Record<Weight, string>> = {
  primary: 'border-ink bg-ink text-surface hover:opacity-85',
  plain: 'border-edge bg-surface text-ink hover:bg-sunken',
  quiet: 'border-transparent text-ink underline underline-offset-4 hover:bg-sunken',
  danger: 'border-2 border-ink bg-surface font-semibold text-ink hover:bg-sunken',
}

/** The classes of a button, for links that look like one. */
export function buttonForm(weight: Weight = 'plain'): string {
  return `${FORM} ${WEIGHTS[weight]}`
}

/**
 * A button with words on it. One that cannot be used now stays focusable and shows the reason as text, so that no one
 * has to guess or to hover.
 */
export function Button({ weight = 'plain', reason, isBusy = false, onClick, children, ...rest }: ButtonProps) {
  const isOff = reason !== undefined || isBusy
  return (
    <span className="inline-flex flex-wrap items-center gap-2">
      <button
        type="button"
        {...rest}
        className={`${buttonForm(weight)} aria-disabled:cursor-not-allowed aria-disabled:border-line aria-disabled:bg-sunken aria-disabled:text-faded aria-disabled:opacity-100`}
        aria-disabled={isOff || undefined}
        aria-busy={isBusy || undefined}
        onClick={(event) => {
          if (isOff) event.preventDefault()
          else onClick?.(event)
        }}
      >
        {children}
        {isBusy && <span aria-hidden="true">…</span>}
      </button>
      {reason !== undefined && <span className="text-sm text-faded">{reason}</span>}
    </span>
  )
}
