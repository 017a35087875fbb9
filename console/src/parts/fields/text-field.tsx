import { type ComponentProps, type ReactNode, useId } from 'react'

interface TextFieldProps extends Omit<ComponentProps<'input'>, 'id'> {
  readonly label: string
  readonly isLabelHidden?: boolean
  /** What to enter and why, next to the field. */
  readonly hint?: ReactNode
  /** Why what was entered is refused. */
  readonly fault?: string | undefined
}

/** A line of text with its label, its hint and its fault, all of them read out together. */
export function TextField({ label, isLabelHidden = false, hint, fault, className, ...rest }: TextFieldProps) {
  const id = useId()
  const described = [hint !== undefined && `${id}-hint`, fault !== undefined && `${id}-fault`].filter(Boolean).join(' ')
  return (
    <div className={`flex flex-col gap-1 ${className ?? ''}`}>
      <label htmlFor={id} className={isLabelHidden ? 'sr-only' : 'text-sm font-medium'}>
        {label}
      </label>
      <input
        {...rest}
        id={id}
        aria-describedby={described === '' ? undefined : described}
        aria-invalid={fault !== undefined || undefined}
        className="min-h-9 w-full rounded-md border border-edge bg-surface px-2.5 py-1.5 text-sm aria-invalid:border-broken"
      />
      {hint !== undefined && (
        <p id={`${id}-hint`} className="text-sm text-faded">
          {hint}
        </p>
      )}
      {fault !== undefined && (
        <p id={`${id}-fault`} role="alert" className="text-sm font-medium text-broken">
          {fault}
        </p>
      )}
    </div>
  )
}
